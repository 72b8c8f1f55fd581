"""The states of LoRAs, words and lists under the form, for the screenshots."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtTest import QTest

from desktop.library import paths
from tests.desktop.addition_files import fill_folders, write_partly_used

if TYPE_CHECKING:
    from tests.screenshots import Scene


def additions_none(scene: Scene) -> None:
    """Open, and nothing there."""
    _open(scene)


def additions_used(scene: Scene) -> None:
    """Two LoRAs in the prompt, one that does not fit, and names that nothing has."""
    fill_folders(_home())
    scene.make.form.prompt = "a {red|blue} __colour__ fox <lora:ink-wash:0.8> <lora:large:0.35> <lora:gone:1>"
    _open(scene)


def additions_partly(scene: Scene) -> None:
    """A LoRA of which the model has no use for some, and one that counts little."""
    fill_folders(_home())
    write_partly_used(_home() / "loras/partly.safetensors")
    scene.make.form.prompt = "a fox <lora:partly:0.8> <lora:ink-wash:0.125>"
    _open(scene)


def additions_lists(scene: Scene) -> None:
    fill_folders(_home())
    scene.make.form.prompt = "a __animal__, moody"
    _open(scene)
    scene.window.make_screen.additions.panel.kinds["wildcard"].click()


def _open(scene: Scene) -> None:
    fold, area = scene.window.make_screen.additions, scene.window.form.area
    fold.button.setChecked(True)
    scene.before_grab.append(lambda: _wait(scene))
    scene.before_grab.append(lambda: area.ensureWidgetVisible(fold.panel.add))


def _wait(scene: Scene) -> None:
    while not scene.workshop.additions.additions.read:
        QTest.qWait(20)
    QTest.qWait(50)


def _home() -> Path:
    return Path(os.environ[paths.HOME_VARIABLE])


STATES = (additions_none, additions_used, additions_partly, additions_lists)

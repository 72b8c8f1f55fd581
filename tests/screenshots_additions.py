"""The states of LoRAs, words and lists under the form, for the screenshots."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from desktop.library import paths
from desktop.model.additions import Found
from desktop.model.sentences import said
from tests.desktop.addition_files import fill_folders, write_partly_used

if TYPE_CHECKING:
    from tests.screenshots import Scene


_MISFIT = "flux-ae is no VAE for this model: its latents have 16 channels, and the model's 4."


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


def vae_chosen(scene: Scene) -> None:
    """Another VAE develops the picture, and one that does not fit the model is chosen from a recipe."""
    scene.workshop.additions.additions.found = Found(
        vaes={"flux-ae": said(_MISFIT), "vae-ft-mse-840000-ema-pruned": ""}
    )
    scene.workshop.additions.refresh = lambda: None
    scene.make.form.vae = "vae-ft-mse-840000-ema-pruned"
    _show(scene, scene.window.form.vae.box)


def vae_misfit(scene: Scene) -> None:
    """One that does not fit the model has come with a recipe."""
    vae_chosen(scene)
    scene.make.form.vae = "flux-ae"


def vae_converted(scene: Scene) -> None:
    """A converted model has its VAE within it."""
    scene.window.form.more.button.setChecked(True)
    choice = replace(next(iter(scene.make.models.values())), made_for="coreml")
    scene.make.offer([choice])
    _show(scene, scene.window.form.vae.said)


def _show(scene: Scene, widget: QWidget) -> None:
    scene.before_grab.append(lambda: scene.window.form.area.ensureWidgetVisible(widget))


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


STATES = (
    additions_none,
    additions_used,
    additions_partly,
    additions_lists,
    vae_chosen,
    vae_misfit,
    vae_converted,
)

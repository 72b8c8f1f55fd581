"""The window over a fake engine in a real child process: fixtures for tests to import."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.core.contract import Defaults, SaveFailed
from desktop.model.form import ModelChoice
from desktop.model.studio import Made
from desktop.session import Session
from desktop.shelf import Shelf
from desktop.view import theme
from desktop.view.app import Workshop, wear_theme
from tests.fakes import FAKE_ENGINE

PATIENCE = 60_000
SMALL = Defaults(width=64, height=64, steps=5, guidance_scale=5.0, sampler="euler")
LARGE = Defaults(width=512, height=512, steps=8, guidance_scale=7.5, sampler="dpmpp_2m")


class Folder:
    """Saves pictures as empty files, or fails when told to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.full = False

    def __call__(self, made: Made) -> Path:
        if self.full:
            raise SaveFailed("The disk is full.", "Free some space.")
        path = self.folder / f"{made.event.seed}.png"
        path.touch()
        return path


@pytest.fixture
def shelf(tmp_path: Path) -> Folder:
    (tmp_path / "saved").mkdir()
    return Folder(tmp_path / "saved")


@pytest.fixture
def shop(qtbot: QtBot, shelf: Folder, home: Path) -> Iterator[Workshop]:
    wear_theme(cast(QApplication, QApplication.instance()), theme.DARK)
    models = (
        ModelChoice(name="small", title="Small", folder=Path("a"), defaults=SMALL),
        ModelChoice(name="large", title="Large", folder=Path("b"), defaults=LARGE),
    )
    workshop = Workshop(Session(shelf, FAKE_ENGINE), Shelf(), models)
    qtbot.addWidget(workshop.window)
    workshop.open()
    qtbot.waitExposed(workshop.window)
    yield workshop
    workshop.close()


@pytest.fixture
def wait(qtbot: QtBot) -> Callable[[Callable[[], object]], None]:
    def until(condition: Callable[[], object]) -> None:
        qtbot.waitUntil(lambda: bool(condition()), timeout=PATIENCE)

    return until


Wait = Callable[[Callable[[], object]], None]


def type_prompt(shop: Workshop, words: str) -> None:
    shop.window.form.prompt.setPlainText(words)


def click_generate(qtbot: QtBot, shop: Workshop) -> None:
    qtbot.mouseClick(shop.window.form.generate, Qt.MouseButton.LeftButton)

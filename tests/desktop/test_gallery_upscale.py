"""Upscaling from the gallery: the menu's deed, the bar's widgets, the real process, and the new picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from backends.core.contract import LANCZOS
from desktop.library import paths
from desktop.library.pictures import read_record
from desktop.model.upscaling import UpscaleDesk
from desktop.view.gallery.screen import GalleryScreen
from tests.desktop.gallery_kit import fill, open_workshop

PATIENCE = 60_000


class Script:
    """A process that says what a test wants."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.stopped = False

    def start(
        self, words: Sequence[str], said: Callable[[str], object], ended: Callable[[int], object]
    ) -> Script:
        self.words, self.said, self.ended = list(words), said, ended
        return self

    def stop(self) -> None:
        self.stopped = True


@pytest.fixture
def desk() -> tuple[UpscaleDesk, Script, list[Path]]:
    script, made = Script(), list[Path]()
    return UpscaleDesk(script, made.append), script, made


def test_lines_become_progress_and_a_picture(desk: tuple[UpscaleDesk, Script, list[Path]]) -> None:
    upscale, script, made = desk
    upscale.ask(Path("fox.png"))
    upscale.upscaling.way, upscale.upscaling.scale = "Big", 3.0
    upscale.start(Path("out"))
    assert script.words[:9] == [
        "desktop",
        "upscale",
        "fox.png",
        "--by",
        "Big",
        "--scale",
        "3",
        "--tile",
        "256",
    ]
    script.said('{"words": "Enlarging", "done": 2, "of": 6}')
    assert (upscale.upscaling.done, upscale.upscaling.of, upscale.upscaling.running) == (2, 6, True)
    upscale.ask(Path("other.png"))
    assert upscale.upscaling.picture == Path("fox.png")
    script.said('{"path": "out/fox-3x.png"}')
    script.ended(0)
    assert made == [Path("out/fox-3x.png")]
    assert (upscale.upscaling.told, upscale.upscaling.running) == ("Saved as fox-3x.png.", False)


def test_stopping_and_failing_are_told(desk: tuple[UpscaleDesk, Script, list[Path]]) -> None:
    upscale, script, made = desk
    upscale.ask(Path("fox.png"))
    upscale.start(Path("out"))
    upscale.stop()
    assert script.stopped
    script.said("Stopped.")
    script.ended(130)
    assert (upscale.upscaling.told, upscale.upscaling.failed) == ("Stopped.", False)
    upscale.start(Path("out"))
    script.said("There is no upscaler called 'Big'. Choose another.")
    script.ended(2)
    assert "no upscaler called" in upscale.upscaling.told
    assert upscale.upscaling.failed
    upscale.stop()
    assert upscale.upscaling.picture is None
    assert not made


def test_a_picture_is_made_larger_from_the_menu(qtbot: QtBot, home: Path) -> None:
    fill(paths.pictures_folder())
    shop = open_workshop(qtbot)
    gallery = shop.window.show_screen("gallery")
    assert isinstance(gallery, GalleryScreen)
    qtbot.waitUntil(lambda: gallery.model.rowCount() == 4, timeout=PATIENCE)
    gallery.grid.setCurrentIndex(gallery.model.index(0))
    menu = QMenu()
    gallery.deeds.fill_menu(menu)
    next(action for action in menu.actions() if action.text() == "Upscale…").trigger()
    bar = gallery.upscale
    qtbot.waitUntil(bar.isVisible, timeout=PATIENCE)
    assert bar.way.currentData() == LANCZOS
    assert not bar.tile.isEnabled()
    bar.scale.setValue(4)
    qtbot.mouseClick(bar.go, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bar.told.isVisible(), timeout=PATIENCE)
    qtbot.waitUntil(lambda: gallery.model.rowCount() == 5, timeout=PATIENCE)
    (larger,) = paths.pictures_folder().glob("*-4x.png")
    assert larger.name in gallery.upscaling.upscaling.told
    upscaled = read_record(larger).upscaled
    assert upscaled is not None
    assert (upscaled.by, upscaled.scale, upscaled.width) == ("lanczos", 4, 32)
    qtbot.mouseClick(bar.stop, Qt.MouseButton.LeftButton)
    assert bar.isHidden()
    shop.close()

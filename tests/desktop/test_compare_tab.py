"""The Compare tab over this session's pictures; it costs nothing until it is opened."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from desktop.view.compare_tab import CompareTab
from tests.desktop.gallery_kit import table_of
from tests.screenshots import Scene


def make_three(scene: Scene) -> None:
    for number in range(3):
        scene.make.form.steps = 10 + number
        scene.begin()
        scene.finish(number)


def test_recent_pictures_are_compared(qtbot: QtBot, home: Path) -> None:
    scene = Scene()
    qtbot.addWidget(scene.window)
    scene.window.show()
    make_three(scene)
    screen, recent = scene.window.make_screen, scene.window.recent.list
    assert "compare" not in screen.shown.built
    screen.tabs.buttons["compare"].click()
    tab = cast(CompareTab, screen.shown.built["compare"])
    assert tab.isVisible()
    assert len(tab.side_by_side.views) == 2  # the last two, as nothing is chosen
    for row, modifier in ((0, Qt.KeyboardModifier.NoModifier), (2, Qt.KeyboardModifier.ControlModifier)):
        point = recent.visualItemRect(recent.item(row)).center()
        qtbot.mouseClick(recent.viewport(), Qt.MouseButton.LeftButton, modifier, point)
    assert len(scene.window.recent.chosen()) == 2
    assert table_of(tab) == {"Steps": ["12", "10"]}
    assert all(view.image is not None for view in tab.side_by_side.views)
    screen.show_tab("picture")
    assert screen.canvas.isVisible()
    scene.workshop.close()

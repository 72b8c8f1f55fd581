"""A backend that is one file dropped into the folder can be chosen in Settings, with no other change."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from backends.core.worker import PipelineEngine
from desktop.model.backends import BackendState
from desktop.view.settings_screen import SettingsScreen
from tests.backends.test_fifth_backend import folder  # noqa: F401  a fixture
from tests.desktop.still_window import StillShop, still  # noqa: F401  a fixture


def test_it_is_offered_and_can_be_chosen(still: StillShop, qtbot: QtBot, folder: Path) -> None:  # noqa: F811
    screen = cast(SettingsScreen, still.window.show_screen("settings"))
    found = PipelineEngine().survey()
    still.backends.found = tuple(BackendState(each.capabilities, each.reason) for each in found)
    qtbot.mouseClick(screen.hardware.choices["fifth"], Qt.MouseButton.LeftButton)
    assert still.settings.backend == "fifth"
    assert screen.hardware.try_it.isEnabled()
    assert "Not yet tested" in screen.hardware.precision.text()
    qtbot.mouseClick(screen.hardware.choices["mps"], Qt.MouseButton.LeftButton)
    assert not screen.hardware.try_it.isEnabled()

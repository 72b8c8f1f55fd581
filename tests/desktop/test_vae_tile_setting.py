"""Tiled decoding in Settings: what is chosen for the processor reaches its jobs."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from backends.core.registry import get_backend
from desktop.model.backends import BackendState
from desktop.view.controls import CalmComboBox
from desktop.view.settings_screen import SettingsScreen
from tests.desktop import still_window
from tests.desktop.still_window import StillShop

still = still_window.still


def test_a_tile_is_chosen_and_asked_for(still: StillShop, qtbot: QtBot) -> None:
    screen = still.window.show_screen("settings")
    assert isinstance(screen, SettingsScreen)
    still.backends.found = (BackendState(get_backend("cpu_offload").capabilities),)
    qtbot.mouseClick(screen.hardware.choices["cpu_offload"], Qt.MouseButton.LeftButton)
    box = screen.hardware.options["vae_tile"]
    assert isinstance(box, CalmComboBox)
    assert "Tiles" in box.toolTip()
    QTest.keyClick(box, Qt.Key.Key_Home)
    for _ in range(4):
        QTest.keyClick(box, Qt.Key.Key_Down)
    assert box.currentText() == "512"
    still.make.generate()
    job = still.bench.jobs[-1]
    assert (job.backend, job.options) == ("cpu_offload", {"vae_tile": "512"})

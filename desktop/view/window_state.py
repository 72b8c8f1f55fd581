"""Where the window was, how large, and which panels were open: kept from one start to the next."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QByteArray, Qt

from desktop.library import paths
from desktop.library.settings_file import read_settings, write_settings

if TYPE_CHECKING:
    from desktop.view.main_window import MainWindow


def state_path() -> Path:
    """Where the window's state is kept."""
    return paths.config_folder() / "window.json"


def to_plain(window: MainWindow) -> dict[str, Any]:
    """The window's state as JSON can hold it."""
    return {
        "geometry": bytes(window.saveGeometry().toBase64().data()).decode("ascii"),
        "left": window.bar.left.isChecked(),
        "right": window.bar.right.isChecked(),
    }


def apply(window: MainWindow, entries: Mapping[str, Any]) -> None:
    """Gives the window the state; what can't be used is passed over."""
    geometry = entries.get("geometry")
    if isinstance(geometry, str) and geometry.isascii():
        window.restoreGeometry(QByteArray.fromBase64(geometry.encode("ascii")))
    for name, button in (("left", window.bar.left), ("right", window.bar.right)):
        if isinstance(entries.get(name), bool):
            button.setChecked(entries[name])


def restore(window: MainWindow) -> None:
    """As it was the last time. Raises SettingsUnreadable."""
    apply(window, read_settings(state_path()))


def save(window: MainWindow) -> None:
    """For the next time. Raises SaveFailed."""
    write_settings(state_path(), to_plain(window))


def raise_window(window: MainWindow) -> None:
    """Brings the window before all others, also when it was minimised."""
    window.setWindowState(
        window.windowState() & ~Qt.WindowState.WindowMinimized | Qt.WindowState.WindowActive
    )
    window.show()
    window.raise_()
    window.activateWindow()

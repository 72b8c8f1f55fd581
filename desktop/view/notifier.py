"""Says that a long job is done, when nobody is looking."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication, QSystemTrayIcon

from backends.core.contract import Event, Failed, Finished, StageStarted
from desktop.model.language import tr

if TYPE_CHECKING:
    from desktop.view.app import Workshop

LONG_SECONDS = 10.0


class Notifier(QObject):
    """A message of the system, where it has a place for one, and the window's entry asks for attention."""

    def __init__(self, workshop: Workshop) -> None:
        super().__init__(workshop.window)
        self._window, self._settings = workshop.window, workshop.settings
        self._began: dict[str, float] = {}
        self._tray: QSystemTrayIcon | None = None
        workshop.session.happened.connect(self._take)

    def _take(self, event: Event) -> None:
        if isinstance(event, StageStarted):
            self._began.setdefault(event.request_id, time.monotonic())
        elif isinstance(event, Finished | Failed):
            began = self._began.pop(event.request_id, None)
            is_long = began is not None and time.monotonic() - began >= LONG_SECONDS
            if is_long and self._settings.notify and not self._window.isActiveWindow():
                self.tell(
                    tr("The picture is ready.")
                    if isinstance(event, Finished)
                    else tr("The picture could not be made.")
                )

    def tell(self, words: str) -> None:
        """Shows the words outside the window."""
        QApplication.alert(self._window)
        if QSystemTrayIcon.isSystemTrayAvailable():
            self._icon().showMessage("Mezzotint", words, QIcon())

    def _icon(self) -> QSystemTrayIcon:
        if self._tray is None:
            self._tray = QSystemTrayIcon(self._window.windowIcon(), self)
            self._tray.messageClicked.connect(self._window.activateWindow)
            self._tray.show()
        return self._tray

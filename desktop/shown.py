"""The window there is now; another takes its place when it is to speak another language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from desktop.model.form import Form
from desktop.view import window_state
from desktop.view.app import Workshop

_CARRIED = ("recent", "selected", "plate")


class Shown:
    """Opens the window anew where it was: the form, this session's pictures and the queue come along.

    What was being made waits first in the queue, which rests as after any other start.
    """

    def __init__(self, app: QApplication, open_workshop: Callable[[QApplication], Workshop]) -> None:
        self._app, self._open = app, open_workshop
        self.workshop = self._opened()

    def raise_window(self) -> None:
        """Brings it before all others."""
        window_state.raise_window(self.workshop.window)

    def close(self) -> None:
        """Every finished picture is on disk when this returns."""
        self.workshop.close()

    def reopen(self) -> None:
        """Closes it and opens it again, once the click that asked for it is over."""
        QTimer.singleShot(0, self._app, self._reopen)

    def _opened(self) -> Workshop:
        workshop = self._open(self._app)
        workshop.reopen = self.reopen
        return workshop

    def _reopen(self) -> None:
        old, quits = self.workshop, self._app.quitOnLastWindowClosed()
        self._app.setQuitOnLastWindowClosed(False)
        old.window.close()
        old.close()
        self.workshop = self._opened()
        _carry_over(old, self.workshop)
        old.window.deleteLater()
        self._app.setQuitOnLastWindowClosed(quits)
        self.workshop.window.show_screen("settings")


def _carry_over(old: Workshop, new: Workshop) -> None:
    for each in fields(Form):
        setattr(new.make.form, each.name, getattr(old.make.form, each.name))
    for name in _CARRIED:
        setattr(new.make.studio, name, getattr(old.make.studio, name))

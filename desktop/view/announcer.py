"""Says what goes on to people who cannot see it: each stage once, a finished picture, and what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent

from backends.core.contract import Event, Finished, StageStarted
from desktop.model.language import tr
from desktop.model.problem import Problem

if TYPE_CHECKING:
    from desktop.view.app import Workshop


class Announcer(QObject):
    """Speaks through the system's screen reader, where one listens. `told` is what it said."""

    told = Signal(str)

    def __init__(self, workshop: Workshop) -> None:
        super().__init__(workshop.window)
        self._window, self._last = workshop.window, ""
        workshop.session.happened.connect(self._take)
        workshop.make.studio.events.problem.connect(self._show_problem)

    def tell(self, words: str) -> None:
        """Says the words, once in a row."""
        if words == self._last:
            return
        self._last = words
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self._window, words))
        self.told.emit(words)

    def _take(self, event: Event) -> None:
        if isinstance(event, StageStarted):
            self.tell(tr(event.stage.value))
        elif isinstance(event, Finished):
            self.tell(tr("The picture is ready."))

    def _show_problem(self, problem: Problem | None) -> None:
        if problem is not None:
            self.tell(problem.text)

"""One window with its session, and the theme of the whole application."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from backends.core.worker_messages import WorkerReady
from desktop.model.form import ModelChoice
from desktop.model.make import Make
from desktop.session import Session
from desktop.view import icons, theme
from desktop.view.main_window import MainWindow


def dress(app: QApplication) -> None:
    """Names the application, and gives it the system's theme, now and whenever that changes."""
    QGuiApplication.setApplicationDisplayName("Mezzotint")
    app.setApplicationName("Mezzotint")
    app.styleHints().colorSchemeChanged.connect(lambda _: wear_theme(app, theme.of_system(app)))
    wear_theme(app, theme.of_system(app))


def wear_theme(app: QApplication, colours: theme.Colours) -> None:
    """Changes every colour there is, icons too."""
    theme.apply(app, colours)
    icons.redraw(app)


class Workshop:
    """One window with its session: what the one says, the other hears."""

    def __init__(self, session: Session, models: Sequence[ModelChoice]) -> None:
        self.session = session
        self.make = Make(session, models)
        self.window = MainWindow(self.make)
        session.happened.connect(self.make.take)
        session.ready.connect(self._ready)
        session.stopped.connect(self.make.worker_stopped)
        session.kept.connect(self.make.kept)
        session.not_kept.connect(self.make.not_kept)

    def open(self) -> None:
        self.window.show()
        self.session.start()

    def close(self) -> None:
        """Ends the worker; every finished picture is on disk when this returns."""
        self.session.close()

    def _ready(self, ready: WorkerReady) -> None:
        if ready.problem is not None:
            self.make.worker_troubled(ready.problem)
        elif ready.backend is not None:
            self.make.worker_ready(ready.backend.name)

"""The window: the bar at the top, the error bar under it, and one of the screens."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from backends.core.contract import SaveFailed
from desktop.view import window_state
from desktop.view.announcer import Announcer
from desktop.view.dropped import CHOSEN, picture_path
from desktop.view.key_binder import KeyBinder
from desktop.view.make_screen import MakeScreen
from desktop.view.notifier import Notifier
from desktop.view.problem_bar import ProblemBar
from desktop.view.screens import SCREENS
from desktop.view.top_bar import TopBar

if TYPE_CHECKING:
    from desktop.view.app import Workshop

SMALLEST = QSize(900, 600)
FIRST = QSize(1280, 800)


class MainWindow(QMainWindow):
    """Shows one screen at a time; each is built when it is first shown."""

    def __init__(self, workshop: Workshop) -> None:
        super().__init__()
        workshop.window = self
        self._workshop = workshop
        self.setWindowTitle("Mezzotint")
        self.setMinimumSize(SMALLEST)
        self._screens = {screen.id: screen for screen in SCREENS}
        self.built: dict[str, QWidget] = {}
        self.make_screen = MakeScreen(workshop)
        self.form, self.recent = self.make_screen.form, self.make_screen.recent
        self.canvas, self.stage = self.make_screen.canvas, self.make_screen.stage
        self.problem = ProblemBar(workshop.make)
        self.bar = TopBar(workshop, SCREENS)
        self._stack = QStackedWidget()
        self._lay_out()
        self.bar.chosen.connect(self.show_screen)
        self.bar.left.toggled.connect(self.form.setVisible)
        self.bar.right.toggled.connect(self.make_screen.show_recent)
        self.resize(FIRST)
        self.keys = KeyBinder(self, workshop.settings)
        for action, screen in {"keys": "keys", "prompts": "prompts", "open_settings": "settings"}.items():
            self.keys.bind(action, partial(self.show_screen, screen))
        self.setAcceptDrops(True)
        self._notifier, self.announcer = Notifier(workshop), Announcer(workshop)
        self.show_screen("make")
        self.make_screen.open()

    def show_screen(self, name: str) -> QWidget:
        """Shows the screen of this id and returns it; it is built now if it never was."""
        if name not in self.built:
            self.built[name] = self._screens[name].build(self._workshop)
            self._stack.addWidget(self.built[name])
        self._stack.setCurrentWidget(self.built[name])
        if name != "make":  # there the prompt has it, or what had it before
            self.built[name].setFocus(Qt.FocusReason.OtherFocusReason)
        self.bar.mark(name)
        return self.built[name]

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """A picture's file can be dropped anywhere; the gallery's own are dragged to places in it."""
        ours = event.mimeData().hasFormat(CHOSEN)
        event.setAccepted(picture_path(event.mimeData()) is not None and not ours)

    def dropEvent(self, event: QDropEvent) -> None:
        """Its settings go into the form."""
        if (path := picture_path(event.mimeData())) is not None:
            event.acceptProposedAction()
            self.show_screen("make")
            self._workshop.make.drop_recipe(path)

    def closeEvent(self, event: QCloseEvent) -> None:
        """A screen that has something to finish has a `leave`."""
        for screen in self.built.values():
            leave = getattr(screen, "leave", None)
            if leave is not None:
                leave()
        with contextlib.suppress(SaveFailed):  # the window opens as it did before
            window_state.save(self)
        super().closeEvent(event)

    def _lay_out(self) -> None:
        outer = QVBoxLayout()
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.bar)
        outer.addWidget(self.problem)
        outer.addWidget(self._stack, 1)
        body = QWidget()
        body.setLayout(outer)
        self.setCentralWidget(body)

"""Above the picture: what went wrong, and buttons that do something about it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QPushButton, QToolButton

from desktop.model.language import tr
from desktop.model.make import Make
from desktop.model.problem import Problem, Way
from desktop.view import bind, theme
from desktop.view.icons import IconButton, show_sign


class ProblemBar(QFrame):
    """Hidden while all is well. The technical report hides behind the dots."""

    def __init__(self, make: Make) -> None:
        super().__init__()
        self.setObjectName("problem")
        self._make = make
        self._sign = QLabel()
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.message.setTextFormat(Qt.TextFormat.PlainText)
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.buttons: list[QPushButton] = []
        self.more = IconButton("more", tr("More about this problem"), flat=True)
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self.more)
        self.copy_report = self.menu.addAction(tr("Copy report"), self._copy)
        self.more.setMenu(self.menu)
        self.dismiss = IconButton("close", tr("Dismiss"), flat=True)
        self.dismiss.clicked.connect(make.dismiss)
        self._lay_out()
        bind.follow(make.studio, "problem", self._show)

    def _lay_out(self) -> None:
        self._line = QHBoxLayout(self)
        self._line.setContentsMargins(theme.MARGIN, theme.GRID, theme.GRID, theme.GRID)
        self._line.setSpacing(theme.GRID)
        self._sign.setFixedSize(QSize(20, 20))
        self._line.addWidget(self._sign)
        self._line.addWidget(self.message, 1)
        self._line.addWidget(self.more)
        self._line.addWidget(self.dismiss)

    def _show(self, problem: Problem | None) -> None:
        for button in self.buttons:
            button.deleteLater()
            self._line.removeWidget(button)
        self.buttons = []
        self.setVisible(problem is not None)
        if problem is None:
            return
        show_sign(self._sign, "warning", 20)
        self.message.setText(problem.text)
        self.message.setAccessibleName(tr("Problem: {text}", text=problem.text))
        for remedy, words in problem.remedies:
            self._add_button(words, partial(self._make.remedy, remedy))
        for way in problem.ways:
            self._add_button(way.words, partial(self._take, way))

    def _add_button(self, words: str, act: Callable[[], None]) -> None:
        button = QPushButton(words)
        button.clicked.connect(lambda: act())
        self._line.insertWidget(2 + len(self.buttons), button)
        self.buttons.append(button)

    def _take(self, way: Way) -> None:
        self._make.dismiss()
        way.act()

    def _copy(self) -> None:
        if problem := self._make.studio.problem:
            QGuiApplication.clipboard().setText(problem.report)

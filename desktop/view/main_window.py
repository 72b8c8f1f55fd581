"""The window: the form at the left, the picture in the middle, this session's pictures at its edge."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QVBoxLayout,
    QWidget,
)

from desktop.model.make import Make
from desktop.view import bind, theme
from desktop.view.canvas import Canvas
from desktop.view.form_panel import FormPanel
from desktop.view.icons import IconButton
from desktop.view.problem_bar import ProblemBar
from desktop.view.recent_panel import RecentPanel
from desktop.view.stage_line import StageLine

SMALLEST = QSize(900, 600)
FIRST = QSize(1280, 800)
_STRIP_BELOW = 1100


class MainWindow(QMainWindow):
    """Lays the parts out and gives them their keys. Everything else is theirs."""

    def __init__(self, make: Make) -> None:
        super().__init__()
        self.setWindowTitle("Mezzotint")
        self.setMinimumSize(SMALLEST)
        self._make = make
        self.form, self.recent = FormPanel(make), RecentPanel(make)
        self.canvas, self.stage, self.problem = Canvas(make.studio), StageLine(make), ProblemBar(make)
        self.bar = TopBar(make)
        self._lay_out()
        self._add_keys()
        self.resize(FIRST)
        self.form.prompt.setFocus()
        self.form.prompt.selectAll()

    def generate(self) -> None:
        """As the button does, with a number that is still being typed."""
        field = QApplication.focusWidget()
        if isinstance(field, QAbstractSpinBox):
            field.interpretText()
        self._make.generate()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange(event.size().width() < _STRIP_BELOW)

    def _lay_out(self) -> None:
        middle = QVBoxLayout()
        middle.setSpacing(0)
        for widget, stretch in ((self.problem, 0), (self.canvas, 1), (self.stage, 0)):
            middle.addWidget(widget, stretch)
        self._beside = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._beside.setSpacing(0)
        self._beside.addLayout(middle, 1)
        self._beside.addWidget(self.recent)
        below = QHBoxLayout()
        below.setSpacing(0)
        below.addWidget(self.form)
        below.addLayout(self._beside, 1)
        outer = QVBoxLayout()
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.bar)
        outer.addLayout(below, 1)
        body = QWidget()
        body.setLayout(outer)
        self.setCentralWidget(body)
        self._arrange(False)

    def _arrange(self, narrow: bool) -> None:
        directions = QBoxLayout.Direction
        self._beside.setDirection(directions.TopToBottom if narrow else directions.LeftToRight)
        self.recent.as_strip(narrow)

    def _add_keys(self) -> None:
        QShortcut(QKeySequence("Ctrl+Return"), self, self.generate)
        QShortcut(QKeySequence("Ctrl+Enter"), self, self.generate)
        QShortcut(QKeySequence(Qt.Key.Key_Escape), self, self._make.stop)
        self.bar.left.toggled.connect(self.form.setVisible)
        self.bar.right.toggled.connect(self.recent.setVisible)


class TopBar(QFrame):
    """The program's name, what makes the pictures, and what is folded away."""

    def __init__(self, make: Make) -> None:
        super().__init__()
        self.setObjectName("bar")
        self.setFixedHeight(48)
        self.engine = QLabel()
        self.engine.setObjectName("quiet")
        self.left = _side_button("left_panel", "Settings", "Ctrl+1")
        self.right = _side_button("right_panel", "Recent pictures", "Ctrl+2")
        name = QLabel("Mezzotint")
        font = theme.body_font()
        font.setPixelSize(15)
        font.setWeight(font.Weight.DemiBold)
        name.setFont(font)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.MARGIN, 0, theme.GRID, 0)
        layout.setSpacing(theme.GRID)
        layout.addWidget(name)
        layout.addStretch(1)
        layout.addWidget(self.engine)
        layout.addSpacing(theme.GRID)
        layout.addWidget(self.left)
        layout.addWidget(self.right)
        bind.follow(make.studio, "engine", self.engine.setText)


def _side_button(icon: str, words: str, keys: str) -> IconButton:
    shown = QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
    button = IconButton(icon, f"Show or hide: {words} ({shown})", flat=True)
    button.setCheckable(True)
    button.setChecked(True)
    button.setShortcut(QKeySequence(keys))
    return button

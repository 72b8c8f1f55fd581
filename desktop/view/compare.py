"""Two to four pictures side by side, or two of them behind a slider, and a table of what differs."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import (
    QAbstractItemView,
    QButtonGroup,
    QGridLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from desktop.model.compare import FEWEST, MOST, Comparison, Difference, Item, differences
from desktop.model.language import tr
from desktop.view import bind, theme
from desktop.view.compare_wipe import LETTERS, Wipe, mode_button
from desktop.view.controls import row
from desktop.view.icons import wear
from desktop.view.picture_view import PictureView
from desktop.view.text import is_right_to_left

Take = Callable[[QImage], None]
GetImage = Callable[[Item, Take], None]
"""Gets a picture's pixels, now or later."""

_TABLE = 172
_NAMES = 96


class CompareView(QWidget):
    """Shows the comparison's pictures. `left` says that the person wants back."""

    left = Signal()

    def __init__(self, comparison: Comparison, get_image: GetImage, *, empty: str) -> None:
        super().__init__()
        self._get_image = get_image
        self._items: tuple[Item, ...] = ()
        self.side_by_side, self.sliding = SideBySide(), Wipe()
        self.beside, self.over = mode_button(tr("Side by side")), mode_button(tr("Slider"))
        self.back = QPushButton(tr("Back"))
        self.table = _table()
        self.hint = QLabel(empty)
        self.same = QLabel(tr("They were made with the same settings."))
        self._lay_out()
        bind.follow(comparison, "items", self._show)

    def _lay_out(self) -> None:
        group = QButtonGroup(self)
        group.addButton(self.beside)
        group.addButton(self.over)
        wear(self.back, "back")
        self.back.clicked.connect(self.left)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.hint.setWordWrap(True)
        self.hint.setObjectName("quiet")
        self.same.setObjectName("quiet")
        self.same.setContentsMargins(theme.MARGIN, theme.GRID, theme.MARGIN, theme.GRID)
        self._modes = row(self.back, self.beside, self.over)
        self._modes.setContentsMargins(theme.MARGIN, theme.GRID, theme.MARGIN, 0)
        self._modes.addStretch(1)
        self._stack = QStackedWidget()
        for widget in (self.side_by_side, self.sliding, self.hint):
            self._stack.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(self._modes)
        layout.addWidget(self._stack, 1)
        layout.addWidget(self.same)
        layout.addWidget(self.table)
        self.beside.setChecked(True)
        self.beside.toggled.connect(self._choose)

    def _show(self, items: tuple[Item, ...]) -> None:
        self._items = items[:MOST]
        enough = len(self._items) >= FEWEST
        for widget in (self.beside, self.over):
            widget.setVisible(enough)
        self.side_by_side.prepare(len(self._items) if enough else 0)
        self.sliding.clear()
        for place, item in enumerate(self._items if enough else ()):
            self._get_image(item, self._taker(place, item))
        self._show_table(differences(self._items) if enough else ())
        self._choose()

    def _taker(self, place: int, item: Item) -> Take:
        """An image that comes when its picture is no longer compared is dropped."""

        def take(image: QImage) -> None:
            if self._items[place : place + 1] == (item,):
                self.side_by_side.views[place].show_image(image)
                self.sliding.take(place, image)

        return take

    def _choose(self, *_: object) -> None:
        enough = len(self._items) >= FEWEST
        chosen = self.side_by_side if self.beside.isChecked() else self.sliding
        self._stack.setCurrentWidget(chosen if enough else self.hint)

    def _show_table(self, rows: tuple[Difference, ...]) -> None:
        self.table.setVisible(bool(rows))
        self.same.setVisible(not rows and len(self._items) >= FEWEST)
        self.table.setColumnCount(len(self._items))
        self.table.setRowCount(len(rows))
        self.table.setHorizontalHeaderLabels(list(LETTERS[: len(self._items)]))
        self.table.setVerticalHeaderLabels([each.name for each in rows])
        for line, each in enumerate(rows):
            for column, words in enumerate(each.values):
                self.table.setItem(line, column, _cell(words))


class SideBySide(QWidget):
    """Each picture in a part of its own: two or three in a line, four in two."""

    def __init__(self) -> None:
        super().__init__()
        self.views: list[PictureView] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(theme.GRID, theme.GRID, theme.GRID, theme.GRID)

    def prepare(self, count: int) -> None:
        """Makes room for so many pictures."""
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.views = [PictureView(theme.GRID, letter) for letter in LETTERS[:count]]
        columns = 2 if count == MOST else max(count, 1)
        for place, view in enumerate(self.views):
            view.setAccessibleName(tr("Picture {letter}", letter=LETTERS[place]))
            self._grid.addWidget(view, place // columns, place % columns)


def _table() -> QTableWidget:
    table = QTableWidget()
    table.setAccessibleName(tr("What differs in their settings"))
    table.setFixedHeight(_TABLE)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
    table.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    table.setWordWrap(True)
    table.setShowGrid(False)
    table.setCornerButtonEnabled(False)
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
    table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    table.verticalHeader().setMinimumWidth(_NAMES)
    table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    return table


def _cell(words: str) -> QTableWidgetItem:
    item = QTableWidgetItem(words)
    item.setToolTip(words)
    if is_right_to_left(words):
        item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return item

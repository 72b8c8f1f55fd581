"""This session's pictures and, for the chosen one, how it was made."""

from __future__ import annotations

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPixmap
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QLabel,
    QListView,
    QListWidget,
    QListWidgetItem,
    QStackedLayout,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from desktop.model.language import tr
from desktop.model.make import Make
from desktop.model.studio import Made
from desktop.view import bind, theme
from desktop.view.canvas import to_pixmap
from desktop.view.controls import quiet
from desktop.view.details import Details

WIDTH = 280
STRIP_HEIGHT = 148
_EMPTY_STRIP = 48
_THUMB = 100
_CELL = _THUMB + 12
_PIXMAP = Qt.ItemDataRole.UserRole
_DENSITY = 2
_ANY = 16777215
"""Qt's largest size: no limit."""


class RecentPanel(QFrame):
    """At the right, or as a strip below where the window is narrow."""

    def __init__(self, make: Make) -> None:
        super().__init__()
        self.setObjectName("right")
        self._make = make
        self._keys: list[tuple[str, int]] = []
        self.list = _thumbnails()
        self.details = Details(make)
        self._empty, self._title, self._strip = _nothing_yet(), _heading(tr("Recent")), False
        self._lay_out()
        self.list.currentItemChanged.connect(self._chosen)
        bind.follow(make.studio, "recent", self._show)
        bind.follow(make.studio, "selected", self._mark)

    def chosen(self) -> list[Made]:
        """The pictures that are chosen, newest first; several with Ctrl or Shift."""
        rows = sorted(self.list.row(item) for item in self.list.selectedItems())
        made = {each.key: each for each in self._make.studio.recent}
        return [made[self._keys[row]] for row in rows if self._keys[row] in made]

    def as_strip(self, strip: bool) -> None:
        """Lies below the picture instead of beside it."""
        self.setObjectName("below" if strip else "right")
        self.style().unpolish(self)
        self.style().polish(self)
        self._box.setDirection(
            QBoxLayout.Direction.LeftToRight if strip else QBoxLayout.Direction.TopToBottom
        )
        self._strip = strip
        self._title.setVisible(not strip)
        self.list.setMaximumHeight(_CELL + 4 if strip else _ANY)  # one row, and no slice of the next
        edge = theme.GRID if strip else theme.MARGIN
        self._box.setContentsMargins(theme.MARGIN, edge, theme.MARGIN, edge)
        self.details.compact(strip)
        self.details.setFixedWidth(WIDTH if strip else WIDTH - 2 * theme.MARGIN)
        self._fit()

    def _fit(self) -> None:
        """A strip with nothing in it is one line high."""
        height = STRIP_HEIGHT if self._keys else _EMPTY_STRIP
        self.setMinimumSize(*((0, height) if self._strip else (WIDTH, 0)))
        self.setMaximumSize(*((_ANY, height) if self._strip else (WIDTH, _ANY)))

    def _lay_out(self) -> None:
        pictures = QWidget()
        self._stack = QStackedLayout(pictures)
        self._stack.setStackingMode(QStackedLayout.StackingMode.StackOne)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self.list)
        left = QVBoxLayout()
        left.setSpacing(theme.GRID)
        left.addWidget(self._title)
        left.addWidget(pictures, 1)
        self._box = QBoxLayout(QBoxLayout.Direction.TopToBottom, self)
        self._box.setContentsMargins(theme.MARGIN, theme.MARGIN, theme.MARGIN, theme.MARGIN)
        self._box.setSpacing(theme.MARGIN)
        self._box.addLayout(left, 1)
        self._box.addWidget(self.details)

    def _show(self, recent: tuple[Made, ...]) -> None:
        """Only what is new is drawn; the list is newest first."""
        keys = [made.key for made in recent]
        self._stack.setCurrentIndex(1 if keys else 0)
        for row in reversed(range(self.list.count())):
            if self._keys[row] not in keys:
                self.list.takeItem(row)
                del self._keys[row]
        for made in reversed(recent):
            if made.key not in self._keys:
                self.list.insertItem(0, _item(made))
                self._keys.insert(0, made.key)
        self._fit()

    def _mark(self, selected: Made | None) -> None:
        if selected is None or selected.key not in self._keys:
            return
        row = self._keys.index(selected.key)
        if row != self.list.currentRow():  # else others that are chosen with it would be let go
            self.list.setCurrentRow(row, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def _chosen(self, item: QListWidgetItem | None, _: QListWidgetItem | None) -> None:
        selected = self._make.studio.selected
        key = None if item is None else self._keys[self.list.row(item)]
        if key is None or (selected is not None and selected.key == key):
            return
        self._make.select(next(made for made in self._make.studio.recent if made.key == key))


class _Frame(QStyledItemDelegate):
    """A thumbnail in the middle of its cell; the chosen one has a ring."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        cell, state = QRectF(option.rect), option.state  # pyright: ignore[reportAttributeAccessIssue]
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        if state & QStyle.StateFlag.State_Selected:
            painter.setPen(QPen(QColor(theme.current().accent), 2))
            painter.drawRoundedRect(cell.adjusted(1, 1, -1, -1), 6, 6)
        picture: QPixmap = index.data(_PIXMAP)
        size = picture.deviceIndependentSize()
        middle = cell.center()
        place = QRectF(
            middle.x() - size.width() / 2, middle.y() - size.height() / 2, size.width(), size.height()
        )
        painter.drawPixmap(place, picture, QRectF(picture.rect()))
        painter.restore()


def _thumbnails() -> QListWidget:
    pictures = QListWidget()
    pictures.setAccessibleName(tr("Recent pictures"))
    pictures.setViewMode(QListView.ViewMode.IconMode)
    pictures.setMovement(QListView.Movement.Static)
    pictures.setResizeMode(QListView.ResizeMode.Adjust)
    pictures.setGridSize(QSize(_CELL + 4, _CELL + 4))
    pictures.setUniformItemSizes(True)
    pictures.setSelectionMode(QListView.SelectionMode.ExtendedSelection)
    pictures.setItemDelegate(_Frame(pictures))
    pictures.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return pictures


def _item(made: Made) -> QListWidgetItem:
    picture = made.event.picture
    scale = _THUMB * _DENSITY / max(picture.width, picture.height)
    image = to_pixmap(picture, max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    image.setDevicePixelRatio(_DENSITY)
    item = QListWidgetItem()
    item.setData(_PIXMAP, image)
    item.setSizeHint(QSize(_CELL, _CELL))
    words = made.request.prompt.strip() or tr("(no prompt)")
    seed = tr("Seed {seed}", seed=made.event.seed)
    item.setToolTip(f"{words[:200]}\n{seed}")
    item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{words[:200]}, {seed}")
    return item


def _heading(words: str) -> QLabel:
    label = quiet(words)
    label.setFont(theme.body_font())
    return label


def _nothing_yet() -> QLabel:
    label = quiet(tr("Pictures you make are kept here and saved in your pictures folder."))
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignTop)
    return label

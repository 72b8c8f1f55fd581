"""A grid of equal cells. Where a cell lies is arithmetic, so that 100,000 of them cost nothing."""

from __future__ import annotations

from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QMimeData,
    QModelIndex,
    QPoint,
    QRect,
    Qt,
    Signal,
)
from PySide6.QtGui import QDrag, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QRegion, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QStyle, QStyleOptionViewItem, QWidget

from desktop.view.dropped import CHOSEN
from desktop.view.gallery.pictures_model import Index

_CELLS = (128, 176, 240, 320)
_FIRST = 1
_DRAGGED = 96
_SMOOTH = Qt.TransformationMode.SmoothTransformation
_LINES = 3  # a row of cells is scrolled in so many steps


class GridView(QAbstractItemView):
    """`opened` says that the person wants to see a picture large.

    Keys that are no movement are its parent's.
    """

    opened = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("grid")
        self._size = _FIRST
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setDragEnabled(True)
        self.setMouseTracking(True)

    # --- dragging ---

    def drag_data(self) -> QMimeData:
        """The chosen pictures: files for other programs, and a mark for our own places."""
        data = self.model().mimeData(self.selectionModel().selectedIndexes())
        data.setData(CHOSEN, b"chosen")
        return data

    def startDrag(self, actions: Qt.DropAction) -> None:
        drag = QDrag(self)
        drag.setMimeData(self.drag_data())
        place = self.visualRect(self.currentIndex())
        drag.setPixmap(self.viewport().grab(place).scaledToHeight(_DRAGGED, _SMOOTH))
        drag.exec(Qt.DropAction.CopyAction)

    # --- cells ---

    @property
    def cell(self) -> int:
        """How high a cell is, and how wide it is at least."""
        return _CELLS[self._size]

    def resize_cells(self, steps: int) -> None:
        """Makes the pictures larger or smaller, and keeps the current one in view."""
        self._size = min(max(self._size + steps, 0), len(_CELLS) - 1)
        self.updateGeometries()
        if self.currentIndex().isValid():
            self.scrollTo(self.currentIndex())
        self.viewport().update()

    @property
    def columns(self) -> int:
        return max(1, self.viewport().width() // self.cell)

    def _count(self) -> int:
        model = self.model()
        return model.rowCount() if model else 0

    def _place(self, row: int) -> QRect:
        """Where a cell lies in the whole grid."""
        columns, width = self.columns, self.viewport().width()
        column = row % columns
        left, right = column * width // columns, (column + 1) * width // columns
        return QRect(left, row // columns * self.cell, right - left, self.cell)

    def _row_at(self, point: QPoint) -> int:
        """The row under a point of the viewport; it may lie before the first or behind the last."""
        columns = self.columns
        column = min(max(point.x() * columns // max(1, self.viewport().width()), 0), columns - 1)
        return (point.y() + self.verticalOffset()) // self.cell * columns + column

    # --- what QAbstractItemView asks for ---

    def visualRect(self, index: Index) -> QRect:
        return self._place(index.row()).translated(0, -self.verticalOffset()) if index.isValid() else QRect()

    def indexAt(self, point: QPoint) -> QModelIndex:
        row = self._row_at(point)
        return self.model().index(row, 0) if 0 <= row < self._count() else QModelIndex()

    def scrollTo(
        self, index: Index, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible
    ) -> None:
        place, bar = self._place(index.row()), self.verticalScrollBar()
        top, height = self.verticalOffset(), self.viewport().height()
        if hint == QAbstractItemView.ScrollHint.PositionAtCenter:
            bar.setValue(place.center().y() - height // 2)
        elif place.top() < top:
            bar.setValue(place.top())
        elif place.bottom() > top + height:
            bar.setValue(place.bottom() - height + 1)

    def horizontalOffset(self) -> int:
        return 0

    def verticalOffset(self) -> int:
        return self.verticalScrollBar().value()

    def isIndexHidden(self, index: Index) -> bool:
        return False

    def moveCursor(
        self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:
        count, current = self._count(), self.currentIndex()
        if not count:
            return QModelIndex()
        if not current.isValid():
            return self.model().index(0, 0)
        row = current.row() + self._steps(action, current.row(), count)
        return self.model().index(row, 0) if 0 <= row < count else current

    def _steps(self, action: QAbstractItemView.CursorAction, row: int, count: int) -> int:
        actions = QAbstractItemView.CursorAction
        page = max(1, self.viewport().height() // self.cell) * self.columns
        steps = {
            actions.MoveLeft: -1, actions.MovePrevious: -1, actions.MoveRight: 1, actions.MoveNext: 1,
            actions.MoveUp: -self.columns, actions.MoveDown: self.columns,
            actions.MovePageUp: -min(page, row // self.columns * self.columns),
            actions.MovePageDown: min(page, (count - 1 - row) // self.columns * self.columns),
            actions.MoveHome: -row, actions.MoveEnd: count - 1 - row,
        }  # fmt: skip
        return steps.get(action, 0)

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        """A rubber band chooses what it touches; Shift chooses everything in between."""
        selection = QItemSelection()
        if self.state() == QAbstractItemView.State.DragSelectingState:
            self._select_touched(rect.normalized(), selection)
        else:
            first, last = sorted((self._row_at(rect.topLeft()), self._row_at(rect.bottomRight())))
            self._select_rows(first, last, selection)
        self.selectionModel().select(selection, command)

    def _select_touched(self, rect: QRect, selection: QItemSelection) -> None:
        columns = self.columns
        first, last = self._row_at(rect.topLeft()), self._row_at(rect.bottomRight())
        across = last % columns - first % columns
        for start in range(first, last + 1, columns):
            self._select_rows(start, start + across, selection)

    def _select_rows(self, first: int, last: int, selection: QItemSelection) -> None:
        first, last = max(first, 0), min(last, self._count() - 1)
        if first <= last:
            selection.select(self.model().index(first, 0), self.model().index(last, 0))

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        return QRegion(self.viewport().rect())

    # --- Qt's events ---

    def reset(self) -> None:
        """Other pictures: the scroll bar knows at once how many."""
        super().reset()
        self.updateGeometries()

    def updateGeometries(self) -> None:
        lines = -(-self._count() // self.columns)
        height, bar = self.viewport().height(), self.verticalScrollBar()
        bar.setRange(0, max(0, lines * self.cell - height))
        bar.setPageStep(height)
        bar.setSingleStep(self.cell // _LINES)
        super().updateGeometries()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """What was at the top stays in view, whatever the number of columns becomes."""
        old = event.oldSize().width()
        before = max(1, old // self.cell) if old > 0 else self.columns
        row = self.verticalOffset() // self.cell * before
        part = self.verticalOffset() % self.cell
        super().resizeEvent(event)
        self.updateGeometries()
        if before != self.columns:
            self.verticalScrollBar().setValue(row // self.columns * self.cell + part)

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        rect, selected = event.rect(), self.selectionModel()
        first = max(0, self._row_at(QPoint(0, rect.top())))
        last = min(self._count() - 1, self._row_at(QPoint(self.viewport().width(), rect.bottom())))
        for row in range(first, last + 1):
            index = self.model().index(row, 0)
            self._paint_cell(painter, index, chosen=selected.isSelected(index))

    def _paint_cell(self, painter: QPainter, index: QModelIndex, *, chosen: bool) -> None:
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        states, state = QStyle.StateFlag, option.state  # pyright: ignore[reportAttributeAccessIssue]
        if chosen:
            state |= states.State_Selected
        if index == self.currentIndex() and self.hasFocus():
            state |= states.State_HasFocus
        option.state = state  # pyright: ignore[reportAttributeAccessIssue]
        option.rect = self.visualRect(index)  # pyright: ignore[reportAttributeAccessIssue]
        self.itemDelegate().paint(painter, option, index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Letters and signs are not looked for among the pictures: they are the screen's keys."""
        text = event.text()
        is_movement = not (text and text.isprintable()) and event.key() not in _SCREENS_KEYS
        if is_movement or event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            super().keyPressEvent(event)
            if not self.selectionModel().hasSelection() and self.currentIndex().isValid():
                choose = QItemSelectionModel.SelectionFlag.SelectCurrent
                self.selectionModel().select(self.currentIndex(), choose)  # the only one can't be moved to
        else:
            event.ignore()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        super().mouseDoubleClickEvent(event)
        if self.indexAt(event.position().toPoint()).isValid():
            self.opened.emit()


_SCREENS_KEYS = (
    Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape, Qt.Key.Key_Delete, Qt.Key.Key_Backspace,
    Qt.Key.Key_Space, Qt.Key.Key_F2,
)  # fmt: skip

"""What goes on, one row under the other: as tall as the rows need, up to a few of them; more scroll.

A row that asks is never cut off.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from desktop.view import theme
from desktop.view.controls import set_scrolling

_TALLEST = 208
"""Three rows and a bit of the fourth, so that it's seen that there are more."""


class ChoreList(QScrollArea):
    """Rows are added and taken out by whoever shows them."""

    def __init__(self) -> None:
        super().__init__()
        self._body = QWidget()
        self._rows = QVBoxLayout(self._body)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(theme.GRID)
        set_scrolling(self, self._body)
        self._body.installEventFilter(self)
        self.hide()

    def add(self, row: QWidget) -> None:
        self._rows.addWidget(row)
        self.show()

    def take_out(self, row: QWidget) -> None:
        """The row is thrown away."""
        self._rows.removeWidget(row)
        row.hide()
        row.deleteLater()
        self.setVisible(self._rows.count() > 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:
            self._fit()
        return super().eventFilter(watched, event)

    def _fit(self) -> None:
        wide = self.viewport().width()
        by_width = self._rows.hasHeightForWidth()
        needed = self._rows.totalHeightForWidth(wide) if by_width else self._rows.totalSizeHint().height()
        self.setFixedHeight(min(needed, max([_TALLEST, *self._heights(wide)])))

    def _heights(self, wide: int) -> list[int]:
        """Each row's, at this width."""
        items = [self._rows.itemAt(number) for number in range(self._rows.count())]
        return [
            each.heightForWidth(wide) if each.hasHeightForWidth() else each.sizeHint().height()
            for each in items
            if each is not None
        ]

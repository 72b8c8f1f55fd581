"""Small labels that flow over several lines, each with a way to take it off."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QLayout, QLayoutItem, QPushButton, QSizePolicy, QWidget

from desktop.model.language import tr
from desktop.view.controls import quiet
from desktop.view.icons import wear

_SPACE = 4


class Flow(QWidget):
    """Chips from left to right, in as many lines as it takes."""

    def __init__(self) -> None:
        super().__init__()
        self._flow = FlowLayout(self)
        self.chips: dict[str, QPushButton] = {}
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def show_chips(self, chips: Sequence[tuple[str, Callable[[], None]]], *, empty: str = "") -> None:
        """Shows a chip for every name; a click on one calls what belongs to it."""
        self._clear()
        for name, act in chips:
            button = QPushButton(name)
            button.setObjectName("chip")
            button.setToolTip(tr("Remove {name}", name=name))
            button.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
            wear(button, "close", "quiet")
            button.setIconSize(QSize(12, 12))
            button.clicked.connect(lambda _=False, act=act: act())
            self._flow.addWidget(button)
            self.chips[name] = button
        if not chips and empty:
            self._flow.addWidget(quiet(empty))
        self.setVisible(bool(chips) or bool(empty))
        self.updateGeometry()

    def _clear(self) -> None:
        while (item := self._flow.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.chips = {}


class FlowLayout(QLayout):
    """Lays widgets out like words: a line is broken where it is full."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self.setContentsMargins(0, 0, 0, 0)

    def addItem(self, item: QLayoutItem) -> None:
        self._items.append(item)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._arrange(QRect(0, 0, width, 0), move=False)

    def sizeHint(self) -> QSize:
        return self.minimumSize()

    def minimumSize(self) -> QSize:
        sizes = [item.minimumSize() for item in self._items]
        return QSize(0, max((size.height() for size in sizes), default=0))

    def setGeometry(self, rect: QRect) -> None:
        super().setGeometry(rect)
        self._arrange(rect, move=True)

    def _arrange(self, rect: QRect, *, move: bool) -> int:
        """Places the items, or only says how high they are together."""
        x, y, line = rect.x(), rect.y(), 0
        for item in self._items:
            size = item.sizeHint()
            width = min(size.width(), rect.width())
            if x > rect.x() and x + width > rect.right() + 1:
                x, y, line = rect.x(), y + line + _SPACE, 0
            if move:
                item.setGeometry(QRect(QPoint(x, y), QSize(width, size.height())))
            x, line = x + width + _SPACE, max(line, size.height())
        return y + line - rect.y()

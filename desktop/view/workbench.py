"""What the places where something is done to a picture have in common: their own keys, and the easel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from PySide6.QtCore import QEvent, QMimeData, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QFocusEvent, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QFrame, QSizePolicy, QWidget

Keys = Sequence[tuple[QKeySequence, Callable[[], object]]]


class Workbench(QFrame):
    """A frame whose keys come before the window's. Keys named in `by_text` count however they are typed."""

    by_text: tuple[str, ...] = ()
    keys: Keys = ()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and self._act_of(cast(QKeyEvent, event)):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if act := self._act_of(event):
            act()
        else:
            super().keyPressEvent(event)

    def _act_of(self, event: QKeyEvent) -> Callable[[], object] | None:
        pressed = QKeySequence(event.keyCombination())
        named = QKeySequence(event.text()) if event.text() in self.by_text else pressed
        return next((act for key, act in self.keys if key in (pressed, named)), None)


class Easel(QWidget):
    """The picture's place: takes the focus and shows it. `takes` says whether what hangs over it can be
    dropped here. `changed` after each act; `dropped` with a drop."""

    changed = Signal()
    dropped = Signal(object)

    def __init__(self, name: str, takes: Callable[[QMimeData], bool]) -> None:
        super().__init__()
        self._takes = takes
        self.setObjectName("canvas")
        self.setAcceptDrops(True)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(200, 160)
        self.setAccessibleName(name)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self._takes(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self.dropped.emit(event.mimeData())
        event.acceptProposedAction()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

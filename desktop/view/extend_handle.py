"""A handle at an edge or a corner, pulled outwards with the mouse or with the arrow keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from desktop.model.extending import ABOVE, BELOW, LEFT, RIGHT, Extend
from desktop.model.language import tr
from desktop.view import theme

SIDE, LENGTH = 24, 40
"""A handle takes so much room, and at an edge this along it; what is drawn of it is smaller."""
_EDGES: tuple[tuple[int, ...], ...] = ((LEFT,), (ABOVE,), (RIGHT,), (BELOW,))
_CORNERS: tuple[tuple[int, ...], ...] = ((LEFT, ABOVE), (RIGHT, ABOVE), (RIGHT, BELOW), (LEFT, BELOW))
HANDLES = (*_EDGES, *_CORNERS)
_KEYS = {
    Qt.Key.Key_Left: QPoint(-1, 0),
    Qt.Key.Key_Right: QPoint(1, 0),
    Qt.Key.Key_Up: QPoint(0, -1),
    Qt.Key.Key_Down: QPoint(0, 1),
}
_BACK = (Qt.Key.Key_Home, Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
_FAR = 8
"""How many steps one press is with Shift."""
_INSET = 5


class ExtendHandle(QWidget):
    """`edges` are those it moves. `grabbed`, `pulled` (by how many points since then), `dropped` and
    `given_up` follow the mouse; `stepped` the arrow keys, in steps, and whether a key is held down;
    `reset` takes it back to the picture's edge."""

    grabbed = Signal()
    pulled = Signal(QPointF)
    dropped = Signal()
    given_up = Signal()
    stepped = Signal(QPoint, bool)
    reset = Signal()
    looked_at = Signal()

    def __init__(self, edges: Sequence[int], parent: QWidget) -> None:
        super().__init__(parent)
        self.edges = tuple(edges)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setCursor(_CURSORS[self.edges])
        across, down = self.edges[0] in (ABOVE, BELOW), self.edges[0] in (LEFT, RIGHT)
        corner = len(self.edges) == 2
        self.setFixedSize(LENGTH if across and not corner else SIDE, LENGTH if down and not corner else SIDE)
        self.setToolTip(tr("Pull it outwards to make more here (outpainting); double-click takes it back"))
        self.setAccessibleDescription(
            tr("Arrow keys move it, with Shift in larger steps, Home takes it back to the picture's edge")
        )
        self._from: QPointF | None = None

    @property
    def is_held(self) -> bool:
        """Whether the mouse has it."""
        return self._from is not None

    def show_pixels(self, extend: Extend) -> None:
        """Names itself with how far its edges are, for screen readers."""
        names = (tr("Left"), tr("Above"), tr("Right"), tr("Below"))
        told = ", ".join(f"{names[edge]} {extend[edge]} px" for edge in self.edges)
        self.setAccessibleName(tr("Extend: {edge}", edge=told))

    def place(self, whole: QRectF) -> None:
        """In the middle of its edge, or at its corner."""
        sides = {LEFT: whole.left(), RIGHT: whole.right(), ABOVE: whole.top(), BELOW: whole.bottom()}
        x = next((sides[edge] for edge in self.edges if edge in (LEFT, RIGHT)), whole.center().x())
        y = next((sides[edge] for edge in self.edges if edge in (ABOVE, BELOW)), whole.center().y())
        self.move(round(x - self.width() / 2), round(y - self.height() / 2))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._from = event.globalPosition()
            self.grabbed.emit()
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._from is not None and event.buttons() & Qt.MouseButton.LeftButton:
            self.pulled.emit(event.globalPosition() - self._from)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._from is not None:
            self._let_go()
            self.dropped.emit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.reset.emit()

    def event(self, event: QEvent) -> bool:
        """While the mouse has it Esc is its own."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            key = Qt.Key(event.key())
            if key in _KEYS or (self.is_held and key == Qt.Key.Key_Escape):
                event.accept()
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in _KEYS and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            far = _FAR if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
            self.stepped.emit(_KEYS[key] * far, event.isAutoRepeat())
        elif key in _BACK:
            self.reset.emit()
        elif key == Qt.Key.Key_Escape and self.is_held:
            self._let_go()
            self.given_up.emit()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.looked_at.emit()
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.looked_at.emit()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, colours = QPainter(self), theme.current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        body = QRectF(self.rect()).adjusted(_INSET, _INSET, -_INSET, -_INSET)
        body = _thin(body)
        if self.hasFocus():
            painter.setPen(QPen(QColor(colours.text), 2))
            painter.drawRoundedRect(body.adjusted(-3, -3, 3, 3), 6, 6)
        bright = self.underMouse() or self.is_held
        painter.setPen(QPen(QColor(colours.window), 1.5))
        painter.setBrush(QColor(colours.accent_hover if bright else colours.accent))
        painter.drawRoundedRect(body, 4, 4)

    def _let_go(self) -> None:
        self._from = None
        self.update()


def _thin(body: QRectF) -> QRectF:
    """A bar along its edge; a corner stays as it is."""
    if body.width() == body.height():
        return body
    middle, thin = body.center(), 8.0
    width, height = (thin, body.height()) if body.height() > body.width() else (body.width(), thin)
    return QRectF(middle.x() - width / 2, middle.y() - height / 2, width, height)


_SHAPES = Qt.CursorShape
_CURSORS: Mapping[tuple[int, ...], Qt.CursorShape] = {
    (LEFT,): _SHAPES.SizeHorCursor,
    (RIGHT,): _SHAPES.SizeHorCursor,
    (ABOVE,): _SHAPES.SizeVerCursor,
    (BELOW,): _SHAPES.SizeVerCursor,
    (LEFT, ABOVE): _SHAPES.SizeFDiagCursor,
    (RIGHT, BELOW): _SHAPES.SizeFDiagCursor,
    (RIGHT, ABOVE): _SHAPES.SizeBDiagCursor,
    (LEFT, BELOW): _SHAPES.SizeBDiagCursor,
}

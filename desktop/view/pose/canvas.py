"""The picture's place with people in it, whose joints are dragged with the mouse or moved with keys."""

from __future__ import annotations

from PySide6.QtCore import QMimeData, QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QWheelEvent,
)

from backends.core.contract.pose import KEY_POINTS, Point
from desktop.model.language import tr
from desktop.model.pose_presets import joint_in_words
from desktop.model.pose_sheet import PoseSheet
from desktop.view import theme
from desktop.view.pose.drawing import Drawing
from desktop.view.workbench import Easel

_MARGIN = 24
_NEAR = 14
"""How far from a joint, on the screen, the mouse still takes hold of it."""
_BODY = 60
_VEIL, _OTHERS = 0.45, 0.6
GROWTH = 1.06
_STEPS = 100
_KEYS: dict[Qt.Key, Point] = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class PoseCanvas(Easel):
    """Changes the sheet itself; `changed` after each act. `dropped` with what was dropped."""

    def __init__(self) -> None:
        super().__init__(tr("Pose"), QMimeData.hasUrls)
        self.sheet: PoseSheet | None = None
        self.picture, self.shows_picture = QPixmap(), True
        self._held: QPointF | None = None
        self._holds_joint = self._has_moved = False

    def show_sheet(self, sheet: PoseSheet, picture: QPixmap) -> None:
        """`picture` lies faintly below, or is empty."""
        self.sheet, self.picture = sheet, picture
        self._held = None
        sheet.events.drawn.connect(lambda _: self._show_drawn())
        self._show_drawn()

    def area(self) -> QRectF:
        """Where the picture would lie: as large as there is room, in the middle."""
        if self.sheet is None:
            return QRectF()
        room, (across, down) = self.rect().adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN), self.sheet.size
        scale = min(room.width() / across, room.height() / down)
        width, height = across * scale, down * scale
        return QRectF((self.width() - width) / 2, (self.height() - height) / 2, width, height)

    def on_screen(self, at: Point) -> QPointF:
        """Where a place in the picture is in this widget."""
        return self.area().topLeft() + QPointF(*at) * self._scale()

    # --- the mouse ---

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or self.sheet is None:
            return
        joint = self._at(event.position(), _NEAR)
        found = joint or self._at(event.position(), _BODY)
        if found:
            self.sheet.choose(*(joint or (found[0], self.sheet.joint)))
            shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._held, self._holds_joint = event.position(), joint is not None and not shift
            self._has_moved = False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._held is not None and self.sheet is not None:
            if not self._has_moved:
                self.sheet.begin()
            self._drag(self.sheet, event.position(), event.position() - self._held)
            self._held, self._has_moved = event.position(), True
            return
        joint, body = self._at(event.position(), _NEAR), self._at(event.position(), _BODY)
        shapes = Qt.CursorShape
        self.setCursor(
            shapes.PointingHandCursor if joint else shapes.SizeAllCursor if body else shapes.ArrowCursor
        )

    def _drag(self, sheet: PoseSheet, to: QPointF, moved: QPointF) -> None:
        if self._holds_joint:
            sheet.drag(self._in_picture(to))
        else:
            sheet.drag_person((moved.x() / self._scale(), moved.y() / self._scale()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._held is not None:
            self._held = None
            if self._has_moved:
                self.changed.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.sheet is not None and event.angleDelta().y():
            self.sheet.scale(GROWTH if event.angleDelta().y() > 0 else 1 / GROWTH)
            self.changed.emit()

    # --- the keyboard ---

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.sheet is None or Qt.Key(event.key()) not in _KEYS:
            super().keyPressEvent(event)
            return
        x, y = _KEYS[Qt.Key(event.key())]
        step = max(1.0, min(self.sheet.size) / _STEPS)
        by = x * step, y * step
        self.sheet.begin()
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.sheet.drag_person(by)
        else:
            at = self.sheet.at
            self.sheet.drag((at[0] + by[0], at[1] + by[1]))
        self.changed.emit()

    def walk(self, steps: int) -> None:
        """To the next joint, or the one before."""
        if self.sheet is not None:
            self.sheet.choose(self.sheet.person, (self.sheet.joint + steps) % len(KEY_POINTS))

    # --- drawing ---

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.rect(), QColor(theme.current().window))
        if self.sheet is None:
            return
        area = self.area()
        self._paint_ground(painter, area)
        drawing = Drawing(painter, area.topLeft(), self._scale(), min(self.sheet.size))
        for number, person in enumerate(self.sheet.people):
            is_chosen = number == self.sheet.person
            painter.setOpacity(1 if is_chosen else _OTHERS)
            drawing.person(person, is_chosen)
        painter.setOpacity(1)
        drawing.mark(self.sheet.at)

    def _paint_ground(self, painter: QPainter, area: QRectF) -> None:
        """Black, with the start picture faintly on it, cut as a start picture is."""
        painter.fillRect(area, QColor("#000000"))
        if self.shows_picture and not self.picture.isNull():
            painter.setOpacity(_VEIL)
            painter.drawPixmap(area, self.picture, _covering(self.picture, area))
            painter.setOpacity(1)
        edge = theme.current().accent if self.hasFocus() else theme.current().strong_edge
        painter.setPen(QPen(QColor(edge), 2 if self.hasFocus() else 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(area.adjusted(-2, -2, 2, 2))

    def _show_drawn(self) -> None:
        if self.sheet is not None:
            x, y = self.sheet.at
            place = tr("{joint}, at {x}, {y}", joint=joint_in_words(self.sheet.joint), x=round(x), y=round(y))
            keys = tr("Arrow keys move the joint, with Shift the person; comma and full stop choose another")
            self.setAccessibleDescription(f"{place}. {keys}")
        self.update()

    def _at(self, place: QPointF, near: float) -> tuple[int, int] | None:
        """The person and the joint there."""
        if self.sheet is None:
            return None
        return self.sheet.nearest(self._in_picture(place), near / self._scale())

    def _scale(self) -> float:
        return self.area().width() / self.sheet.size[0] if self.sheet else 1.0

    def _in_picture(self, place: QPointF) -> Point:
        found = (place - self.area().topLeft()) / self._scale()
        return found.x(), found.y()


def _covering(picture: QPixmap, area: QRectF) -> QRectF:
    """The part of the picture with the area's shape, from its middle."""
    scale = max(area.width() / picture.width(), area.height() / picture.height())
    width, height = area.width() / scale, area.height() / scale
    return QRectF((picture.width() - width) / 2, (picture.height() - height) / 2, width, height)

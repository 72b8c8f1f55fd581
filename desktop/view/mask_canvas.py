"""The start picture with the mask over it, painted with the mouse, a pen or the keyboard."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
)

from desktop.model.language import tr
from desktop.view import theme
from desktop.view.dropped import holds_picture
from desktop.view.mask_sheet import MaskSheet
from desktop.view.workbench import Easel

_MARGIN = 24
_VEIL = 150
"""How much the mask's colour covers, of 255."""
_KEYS = {
    Qt.Key.Key_Left: QPoint(-1, 0),
    Qt.Key.Key_Right: QPoint(1, 0),
    Qt.Key.Key_Up: QPoint(0, -1),
    Qt.Key.Key_Down: QPoint(0, 1),
}


class MaskCanvas(Easel):
    """`changed` after each act; `dropped` with what was dropped. `brush` is its width in picture pixels."""

    def __init__(self) -> None:
        super().__init__(tr("Mask"), holds_picture)
        self.setAccessibleDescription(
            tr("Arrow keys move the brush, Space paints, [ and ] change its size, Ctrl+Z takes back")
        )
        self.brush, self.erases = 32, False
        self.sheet: MaskSheet | None = None
        self._picture, self._last = QPixmap(), QPointF()
        self._at: QPointF | None = None

    def show_picture(self, picture: QPixmap, sheet: MaskSheet) -> None:
        self._picture, self.sheet = picture, sheet
        self._at = None
        self.update()

    def area(self) -> QRectF:
        """Where the picture lies: as large as there is room, in the middle."""
        if self.sheet is None:
            return QRectF()
        room, size = self.rect().adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN), self.sheet.image.size()
        scale = min(room.width() / size.width(), room.height() / size.height())
        width, height = size.width() * scale, size.height() * scale
        return QRectF((self.width() - width) / 2, (self.height() - height) / 2, width, height)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.sheet is not None:
            self.sheet.begin()
            self._last = self._in_picture(event.position())
            self._stroke_to(self._last)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = self._in_picture(event.position())
        if event.buttons() & Qt.MouseButton.LeftButton and self.sheet is not None:
            self._stroke_to(at)
        self._at = at
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.sheet is not None:
            self.changed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.sheet is None:
            return
        key = Qt.Key(event.key())
        if key in _KEYS:
            step = max(1, self.brush // 2)
            self._at = self._kept(self._cursor() + QPointF(_KEYS[key] * step))
        elif key == Qt.Key.Key_Space:
            self.sheet.begin()
            self._last = self._at = self._cursor()
            self._stroke_to(self._last)
            self.changed.emit()
        else:
            super().keyPressEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.rect(), QColor(theme.current().window))
        if self.sheet is None:
            return
        area = self.area()
        painter.drawPixmap(area, self._picture, QRectF(self._picture.rect()))
        painter.drawImage(area, veil(self.sheet.image, area.size().toSize(), self.devicePixelRatioF()))
        if self.hasFocus():
            painter.setPen(QPen(QColor(theme.current().accent), 2))
            painter.drawRect(area.adjusted(-2, -2, 2, 2))
        self._draw_brush(painter, area)

    def _draw_brush(self, painter: QPainter, area: QRectF) -> None:
        """Two rings, so that it is seen on anything."""
        if self.sheet is None or (self._at is None and not self.hasFocus()):
            return
        scale = area.width() / self.sheet.image.width()
        at, radius = area.topLeft() + self._cursor() * scale, self.brush * scale / 2
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for colour, wider in (("#000000", 1.0), ("#ffffff", 0.0)):
            painter.setPen(QPen(QColor(colour), 1))
            painter.drawEllipse(at, radius + wider, radius + wider)

    def _stroke_to(self, at: QPointF) -> None:
        assert self.sheet is not None
        self.sheet.stroke(self._last, at, self.brush, value=0 if self.erases else 255)
        self._last = at
        self.update()

    def _cursor(self) -> QPointF:
        assert self.sheet is not None
        size = self.sheet.image.size()
        return self._at if self._at is not None else QPointF(size.width() / 2, size.height() / 2)

    def _kept(self, at: QPointF) -> QPointF:
        assert self.sheet is not None
        size = self.sheet.image.size()
        return QPointF(min(max(at.x(), 0), size.width()), min(max(at.y(), 0), size.height()))

    def _in_picture(self, at: QPointF) -> QPointF:
        area = self.area()
        if self.sheet is None or area.isEmpty():
            return QPointF()
        return (at - area.topLeft()) * (self.sheet.image.width() / area.width())


def veil(mask: QImage, size: QSize, density: float) -> QImage:
    """The accent's colour, hatched, where the mask is white, and nothing where it is black."""
    alpha = mask.scaled(size * density, mode=Qt.TransformationMode.SmoothTransformation)
    alpha = alpha.convertToFormat(QImage.Format.Format_Grayscale8)
    alpha.reinterpretAsFormat(QImage.Format.Format_Alpha8)
    made = QImage(alpha.size(), QImage.Format.Format_ARGB32_Premultiplied)
    colour = QColor(theme.current().accent)
    colour.setAlpha(_VEIL)
    made.fill(colour)
    painter = QPainter(made)
    painter.fillRect(made.rect(), QBrush(QColor(0, 0, 0, _VEIL), Qt.BrushStyle.BDiagPattern))
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_DestinationIn)
    painter.drawImage(0, 0, alpha)
    painter.end()
    return made

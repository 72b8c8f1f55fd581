"""A mask as it is painted: white on black, of the start picture's size, with undo and redo."""

from __future__ import annotations

from PySide6.QtCore import QBuffer, QIODevice, QPointF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from backends.core import masks
from backends.core.contract import InvalidRequest

_MOST_UNDO = 40


class MaskSheet:
    """Strokes in the start picture's pixels. Each act can be undone, the last 40 of them."""

    def __init__(self, size: QSize, mask: bytes | None = None) -> None:
        self.image = QImage(size, QImage.Format.Format_Grayscale8)
        self.image.fill(0)
        self._before: list[QImage] = []
        self._after: list[QImage] = []
        kept = QImage.fromData(mask) if mask else QImage()
        if kept.size() == size:
            self.image = kept.convertToFormat(QImage.Format.Format_Grayscale8)

    @property
    def can_undo(self) -> bool:
        return bool(self._before)

    @property
    def can_redo(self) -> bool:
        return bool(self._after)

    def begin(self) -> None:
        """What comes next is one act."""
        self._before = [*self._before[1 - _MOST_UNDO :], self.image.copy()]
        self._after = []

    def stroke(self, start: QPointF, end: QPointF, width: float, *, value: int) -> None:
        """A line with round ends, white (255) or black (0), as part of the act that was begun."""
        painter = QPainter(self.image)
        pen = QPen(QColor(value, value, value), width)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        if start == end:
            painter.drawPoint(end)
        else:
            painter.drawLine(start, end)
        painter.end()

    def invert(self) -> None:
        self.begin()
        self.image.invertPixels()

    def clear(self) -> None:
        self.begin()
        self.image.fill(0)

    def take(self, mask: bytes) -> None:
        """Another mask. Raises InvalidRequest or UnreadablePicture."""
        size = self.image.width(), self.image.height()
        image = QImage.fromData(masks.compact(mask, size))
        self.begin()
        self.image = image.convertToFormat(QImage.Format.Format_Grayscale8)

    def undo(self) -> None:
        if self._before:
            self._after.append(self.image)
            self.image = self._before.pop()

    def redo(self) -> None:
        if self._after:
            self._before.append(self.image)
            self.image = self._after.pop()

    def to_png(self) -> bytes | None:
        """The mask as a request has it; None when nothing is white. Raises InvalidRequest for a mask with too
        much detail."""
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        self.image.save(buffer, "PNG")  # pyright: ignore[reportCallIssue, reportArgumentType]
        size = self.image.width(), self.image.height()
        try:
            return masks.compact(bytes(buffer.data().data()), size)
        except InvalidRequest:
            if self._is_empty():
                return None
            raise

    def _is_empty(self) -> bool:
        black = QImage(self.image.size(), self.image.format())
        black.fill(0)
        return self.image == black

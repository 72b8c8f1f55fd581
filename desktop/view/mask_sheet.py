"""A mask as it is painted: white on black, of the start picture's size; and how far the picture is extended.

Both have one undo and redo.
"""

from __future__ import annotations

from PySide6.QtCore import QBuffer, QIODevice, QPointF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from backends.core import masks
from backends.core.contract import InvalidRequest
from desktop.model.extending import Extend
from desktop.model.form import NOT_EXTENDED

_MOST_UNDO = 40


class MaskSheet:
    """Strokes in the start picture's pixels. Each act can be undone, the last 40 of them."""

    def __init__(self, size: QSize, mask: bytes | None = None, extend: Extend = NOT_EXTENDED) -> None:
        self.image = QImage(size, QImage.Format.Format_Grayscale8)
        self.image.fill(0)
        self.extend = extend
        self._before: list[tuple[QImage, Extend]] = []
        self._after: list[tuple[QImage, Extend]] = []
        self._follows = False
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
        self._before = [*self._before[1 - _MOST_UNDO :], (self.image.copy(), self.extend)]
        self._after, self._follows = [], False

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

    def extend_to(self, extend: Extend) -> None:
        """Edges are pulled, as an act of its own."""
        self.begin()
        self.extend = extend

    def follow(self, extend: Extend) -> None:
        """Edges are set elsewhere: as one act, however often in a row."""
        if not self._follows:
            self.begin()
        self.extend, self._follows = extend, True

    def undo(self) -> None:
        if self._before:
            self._after.append((self.image, self.extend))
            self.image, self.extend = self._before.pop()
            self._follows = False

    def take_back(self) -> None:
        """Ends the act that was begun as if it had never been."""
        self.undo()
        self._after = []

    def redo(self) -> None:
        if self._after:
            self._before.append((self.image, self.extend))
            self.image, self.extend = self._after.pop()
            self._follows = False

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

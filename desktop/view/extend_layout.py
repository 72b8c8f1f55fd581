"""Where a start picture and what is added around it lie on a canvas."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSizeF

from desktop.model.extending import ABOVE, LEFT, Bounds, Extend

_SPARE = 0.25
"""Room at each edge to pull it out, of the whole picture's longer side."""


@dataclass(frozen=True)
class ExtendLayout:
    """`origin` is the start picture's top left corner in points; `scale` points are one of its pixels."""

    bounds: Bounds
    origin: QPointF
    scale: float

    def picture(self) -> QRectF:
        """The start picture."""
        return QRectF(self.origin, QSizeF(self.bounds.width, self.bounds.height) * self.scale)

    def whole(self, extend: Extend) -> QRectF:
        """With what is added."""
        corner = self.origin - QPointF(extend[LEFT], extend[ABOVE]) * self.scale
        return QRectF(corner, QSizeF(*self.bounds.whole(extend)) * self.scale)

    def strips(self, extend: Extend) -> tuple[QRectF, QRectF, QRectF, QRectF]:
        """What is added at each edge; the corners belong to those above and below."""
        inner, outer = self.picture(), self.whole(extend)
        return (
            QRectF(outer.left(), inner.top(), inner.left() - outer.left(), inner.height()),
            QRectF(outer.left(), outer.top(), outer.width(), inner.top() - outer.top()),
            QRectF(inner.right(), inner.top(), outer.right() - inner.right(), inner.height()),
            QRectF(outer.left(), inner.bottom(), outer.width(), outer.bottom() - inner.bottom()),
        )


def fitted(room: QRectF, bounds: Bounds, extend: Extend) -> ExtendLayout:
    """The whole in the middle of the room, with some to spare at each edge."""
    width, height = bounds.whole(extend)
    spare = 2 * _SPARE * max(width, height)
    scale = max(min(room.width() / (width + spare), room.height() / (height + spare)), 1e-3)
    corner = room.center() - QPointF(width, height) * (scale / 2)
    return ExtendLayout(bounds, corner + QPointF(extend[LEFT], extend[ABOVE]) * scale, scale)

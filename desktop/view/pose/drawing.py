"""People of a pose on the screen, in the colours and nearly the shapes that a ControlNet is shown."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from backends.core.contract.pose import COLOURS, LIMBS, Point
from desktop.model.pose_person import Person

_DARKER, _FAINT = 0.6, 0.35
_WIDE = 1 / 128
"""A limb's half width, of the picture's shorter side: 4 pixels of 512."""
_LEAST, _HANDLE, _OF_SIDE = 3.0, 5.0, 1 / 90
"""The radius of a joint on the screen is no less, so that it can be taken hold of."""


class Drawing:
    """Draws with `painter` from `origin` on, `scale` points of the screen for each of the picture's pixels.

    `side` is the picture's shorter one, in pixels.
    """

    def __init__(self, painter: QPainter, origin: QPointF, scale: float, side: int) -> None:
        self._painter, self._origin, self._scale = painter, origin, scale
        self._wide = max(1.5, side * _WIDE * scale)
        self._handle = min(_HANDLE, max(_LEAST, side * scale * _OF_SIDE))

    def person(self, person: Person, chosen: bool) -> None:
        """Limbs, then joints; hidden ones of the chosen person as rings."""
        for (start, end), colour in zip(LIMBS, COLOURS, strict=False):
            seen = not {start, end} & person.hidden
            if seen or chosen:
                self._limb(person.places[start], person.places[end], colour, seen)
        for number, colour in enumerate(COLOURS):
            if number not in person.hidden:
                self._dot(person.places[number], colour)
            elif chosen:
                self._ring(person.places[number], colour)

    def mark(self, at: Point) -> None:
        """Two rings around the chosen joint, so that it is seen on anything."""
        self._painter.setBrush(Qt.BrushStyle.NoBrush)
        for colour, radius, width in (("#000000", 4.0, 4), ("#ffffff", 4.0, 2)):
            self._painter.setPen(QPen(QColor(colour), width))
            self._painter.drawEllipse(self._to(at), self._radius() + radius, self._radius() + radius)

    def _limb(self, start: Point, end: Point, colour: tuple[int, int, int], seen: bool) -> None:
        a, b = self._to(start), self._to(end)
        if not seen:
            self._painter.setPen(QPen(_faint(colour), 1, Qt.PenStyle.DashLine))
            self._painter.drawLine(a, b)
            return
        along = b - a
        self._painter.save()
        self._painter.translate((a + b) / 2)
        self._painter.rotate(math.degrees(math.atan2(along.y(), along.x())))
        self._painter.setPen(Qt.PenStyle.NoPen)
        self._painter.setBrush(QColor(*(int(each * _DARKER) for each in colour)))
        self._painter.drawEllipse(QPointF(), math.hypot(along.x(), along.y()) / 2, self._wide)
        self._painter.restore()

    def _dot(self, at: Point, colour: tuple[int, int, int]) -> None:
        self._painter.setPen(Qt.PenStyle.NoPen)
        self._painter.setBrush(QColor(*colour))
        self._painter.drawEllipse(self._to(at), self._radius(), self._radius())

    def _ring(self, at: Point, colour: tuple[int, int, int]) -> None:
        self._painter.setPen(QPen(_faint(colour), 1.5))
        self._painter.setBrush(Qt.BrushStyle.NoBrush)
        self._painter.drawEllipse(self._to(at), self._radius(), self._radius())

    def _radius(self) -> float:
        return max(self._handle, self._wide)

    def _to(self, at: Point) -> QPointF:
        return self._origin + QPointF(*at) * self._scale


def _faint(colour: tuple[int, int, int]) -> QColor:
    shown = QColor(*colour)
    shown.setAlphaF(_FAINT + 0.3)
    return shown

"""Every step side by side: above what the network saw, below what it made of it. A click chooses one."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from backends.core.contract import Picture, StepSeen
from desktop.model.language import tr
from desktop.view import theme

_SIDE, _GAP, _EDGE = 44, 4, 3


class FilmStrip(QWidget):
    """Draws only the steps in sight, and keeps the chosen one there. `chosen` says which (from 0)."""

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._steps: tuple[StepSeen, ...] = ()
        self._current = 0
        self.setFixedHeight(2 * _SIDE + _GAP + 2 * _EDGE)
        self.setMinimumWidth(_SIDE)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Film of the steps"))
        self.setToolTip(
            tr("Above: what the network was given. Below: the picture it expected. Click to look.")
        )
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def sizeHint(self) -> QSize:
        return QSize(400, self.height())

    def show_steps(self, steps: tuple[StepSeen, ...], current: int) -> None:
        self._steps, self._current = steps, current
        self.update()

    def step_at(self, x: int) -> int:
        """The step that is drawn at this place, the nearest one."""
        return max(0, min((x - self._left()) // (_SIDE + _GAP), len(self._steps) - 1))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._choose(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._choose(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        turn = event.angleDelta().y() or event.angleDelta().x()
        if self._steps and turn:
            self.chosen.emit(max(0, min(self._current + (1 if turn < 0 else -1), len(self._steps) - 1)))
            event.accept()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        colours, left = theme.current(), self._left()
        first, last = self.step_at(0), self.step_at(self.width())
        for number in range(first, last + 1) if self._steps else ():
            x = left + number * (_SIDE + _GAP)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
            _draw(painter, self._steps[number].latents, QRect(x, _EDGE, _SIDE, _SIDE))
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
            _draw(painter, self._steps[number].estimate, QRect(x, _EDGE + _SIDE + _GAP, _SIDE, _SIDE))
            if number == self._current:
                painter.setPen(QPen(QColor(colours.accent), 2))
                painter.drawRect(QRect(x - 2, 1, _SIDE + 3, self.height() - 3))

    def _choose(self, event: QMouseEvent) -> None:
        if self._steps:
            self.chosen.emit(self.step_at(round(event.position().x())))

    def _left(self) -> int:
        """Where the first step stands: the film runs so that the chosen one is in the middle, if it must."""
        whole = len(self._steps) * (_SIDE + _GAP) - _GAP + 2 * _EDGE
        if whole <= self.width():
            return _EDGE
        middle = self._current * (_SIDE + _GAP) + _SIDE // 2
        return _EDGE - max(0, min(middle - self.width() // 2, whole - self.width()))


def _draw(painter: QPainter, picture: Picture, place: QRect) -> None:
    image = QImage(picture.rgb, picture.width, picture.height, picture.width * 3, QImage.Format.Format_RGB888)
    size = image.size().scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatio)
    target = QRect(place.topLeft(), size)
    target.moveCenter(place.center())
    painter.drawImage(target, image)

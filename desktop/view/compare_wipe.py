"""Two pictures in one place, with a line between them that can be moved."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QSlider, QVBoxLayout, QWidget

from desktop.model.language import tr
from desktop.view import theme
from desktop.view.picture_view import PictureView

LETTERS = "ABCD"
"""What the compared pictures are called."""

_FINE = 1000
_ROOM = 48


class Wipe(QWidget):
    """Two pictures in one place: left of the line is the one, right of it the other."""

    def __init__(self) -> None:
        super().__init__()
        self.area = WipeArea()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _FINE)
        self.slider.setValue(_FINE // 2)
        self.slider.setAccessibleName(tr("Where the one picture ends and the other begins"))
        self.slider.valueChanged.connect(lambda value: self.area.move_line(value / _FINE))
        self.area.dragged.connect(lambda part: self.slider.setValue(round(part * _FINE)))
        self.others = QButtonGroup(self)
        self._choices = QHBoxLayout()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.MARGIN, theme.GRID, theme.MARGIN, 0)
        layout.addWidget(self.area, 1)
        layout.addWidget(self.slider)
        layout.addLayout(self._choices)
        self._images: dict[int, QImage] = {}
        self.others.idClicked.connect(lambda place: self.area.show_right(self._images.get(place)))

    def clear(self) -> None:
        """Forgets the pictures there were."""
        self._images = {}
        for button in self.others.buttons():
            self.others.removeButton(button)
            self._choices.removeWidget(button)
            button.deleteLater()
        self.area.show_left(None)
        self.area.show_right(None)

    def take(self, place: int, image: QImage) -> None:
        """The first picture stands at the left; of the others one is chosen for the right."""
        self._images[place] = image
        if place == 0:
            self.area.show_left(image)
            return
        button = mode_button(tr("A and {letter}", letter=LETTERS[place]))
        self.others.addButton(button, place)
        self._choices.addWidget(button)
        if self.others.checkedId() < 0:
            button.setChecked(True)
            self.area.show_right(image)


class WipeArea(PictureView):
    """The picture with the line that can be dragged; `dragged` says where it is, from 0 to 1."""

    dragged = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.part = 0.5
        self._right = PictureView()
        self.setCursor(Qt.CursorShape.SplitHCursor)

    def show_left(self, image: QImage | None) -> None:
        self.show_image(image)

    def show_right(self, image: QImage | None) -> None:
        self._right.show_image(image)
        self.update()

    def move_line(self, part: float) -> None:
        """Moves the line to this part of the picture's width."""
        self.part = part
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._drag(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._drag(event.position())

    def _drag(self, point: QPointF) -> None:
        frame = self.frame()
        self.dragged.emit(min(max((point.x() - frame.left()) / max(1.0, frame.width()), 0.0), 1.0))

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        image, frame = self._right.image, self.frame()
        if image is None or self.image is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        line = frame.left() + frame.width() * self.part
        painter.setClipRect(QRectF(line, 0, self.width() - line, self.height()))
        painter.drawImage(frame, image, QRectF(image.rect()))
        painter.setClipping(False)
        painter.setPen(QPen(QColor(theme.current().accent), 2))
        painter.drawLine(QPointF(line, frame.top()), QPointF(line, frame.bottom()))


def mode_button(words: str) -> QPushButton:
    """One of several ways to look."""
    button = QPushButton(words)
    button.setCheckable(True)
    button.setMinimumWidth(button.fontMetrics().horizontalAdvance(words) + _ROOM)  # the chosen one is bold
    return button

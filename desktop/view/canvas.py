"""The picture in the middle: scaled pleasantly, centred, cross-fading from preview to preview."""

from __future__ import annotations

from PySide6.QtCore import QEasingCurve, QRectF, QSize, Qt, QVariantAnimation
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QImage,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QStyle, QWidget

from backends.core.contract import Picture
from desktop.model.language import tr
from desktop.model.make import Make
from desktop.model.studio import Plate
from desktop.view import bind, theme
from desktop.view.drop_zones import DropZones
from desktop.view.dropped import holds_picture
from desktop.view.icons import pixmap
from desktop.view.words import GENERATE_KEYS

_FADE_MS = 120
_MARGIN = 24
_LARGEST = 6.0
"""A small picture is shown at most so many times its size: beyond that it is mush."""


class Canvas(QWidget):
    """Shows the studio's plate, or what to do while there is none."""

    def __init__(self, make: Make) -> None:
        super().__init__()
        self.setObjectName("canvas")
        self.setAcceptDrops(True)
        self.zones = DropZones(self, make)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(200, 160)
        self._plate: Plate | None = None
        self._old: QPixmap | None = None
        self._new: QPixmap | None = None
        self._fade = QVariantAnimation(self)
        self._fade.setDuration(_FADE_MS)
        self._fade.setStartValue(0.0)
        self._fade.setEndValue(1.0)
        self._fade.setEasingCurve(QEasingCurve.Type.Linear)
        self._fade.valueChanged.connect(lambda _: self.update())
        bind.follow(make.studio, "plate", self.show_plate)

    @property
    def plate(self) -> Plate | None:
        """What is shown."""
        return self._plate

    @property
    def is_still(self) -> bool:
        """Whether nothing fades."""
        return self._fade.state() != QVariantAnimation.State.Running

    def show_plate(self, plate: Plate | None) -> None:
        same_shape = _shape(plate) == _shape(self._plate)
        self._old = self._new if same_shape else None
        self._plate = plate
        self._new = self._scaled()
        self._describe()
        self._fade.stop()
        if self._old is not None and self._new is not None and self.isVisible() and may_move(self):
            self._fade.start()
        self.update()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if holds_picture(event.mimeData()) and self.zones.offer(event.mimeData()):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        self.zones.move_over(event.position().toPoint())

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.zones.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        self.zones.drop(event.mimeData(), event.position().toPoint())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._old, self._new = None, self._scaled()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.SmoothPixmapTransform | QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(theme.current().window))
        if self._plate is None:
            self._paint_empty(painter)
        else:
            self._paint_plate(painter, self._frame(self._plate))

    def _paint_plate(self, painter: QPainter, frame: QRectF) -> None:
        if self._new is None:
            painter.fillRect(frame, QColor(theme.current().field))
            return
        fading = self._fade.state() == QVariantAnimation.State.Running and self._old is not None
        if fading and self._old is not None:
            painter.drawPixmap(frame, self._old, QRectF(self._old.rect()))
            painter.setOpacity(float(self._fade.currentValue()))
        painter.drawPixmap(frame, self._new, QRectF(self._new.rect()))

    def _paint_empty(self, painter: QPainter) -> None:
        colours, middle = theme.current(), self.rect().center()
        symbol = pixmap("picture", colours.strong_edge, 48)
        painter.drawPixmap(middle.x() - 24, middle.y() - 72, symbol)
        lines = (
            (theme.title_font(), colours.text, -12, tr("Your picture appears here")),
            (theme.body_font(), colours.quiet, 24, tr("Press Generate, or {keys}", keys=GENERATE_KEYS)),
        )
        for font, colour, down, words in lines:
            painter.setFont(font)
            painter.setPen(QColor(colour))
            painter.drawText(self.rect().translated(0, down), Qt.AlignmentFlag.AlignCenter, words)

    def _frame(self, plate: Plate) -> QRectF:
        """Where the picture lies, in points: on whole pixels of the screen."""
        density = self.devicePixelRatioF()
        size = self._shown_size(plate)
        left = round((self.width() * density - size.width()) / 2) / density
        top = round((self.height() * density - size.height()) / 2) / density
        return QRectF(left, top, size.width() / density, size.height() / density)

    def _shown_size(self, plate: Plate) -> QSize:
        """In pixels of the screen."""
        density = self.devicePixelRatioF()
        across = (self.width() - 2 * _MARGIN) * density / plate.width
        down = (self.height() - 2 * _MARGIN) * density / plate.height
        scale = scale_to_fit(min(across, down), density)
        return QSize(max(1, round(plate.width * scale)), max(1, round(plate.height * scale)))

    def _scaled(self) -> QPixmap | None:
        if self._plate is None or self._plate.picture is None:
            return None
        size = self._shown_size(self._plate)
        return to_pixmap(self._plate.picture, size.width(), size.height())

    def _describe(self) -> None:
        plate = self._plate
        if plate is None:
            self.setAccessibleName(tr("No picture yet"))
            return
        words = tr("Preview, {size}") if plate.is_preview else tr("Picture, {size}")
        self.setAccessibleName(words.format(size=f"{plate.width} x {plate.height}"))


def may_move(widget: QWidget) -> bool:
    """Whether the system's settings let things move, or ask for less motion."""
    return widget.style().styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration, None, widget) > 0


def scale_to_fit(fit: float, density: float) -> float:
    """Pixels of the screen for one of the picture: it fits, and enlarges by halves, up to a limit."""
    if fit <= 1.5:
        return fit
    return min(int(fit * 2) / 2, _LARGEST * density)


def to_pixmap(picture: Picture, width: int, height: int) -> QPixmap:
    """Resampled with Lanczos: enlarged pictures are smooth, reduced ones sharp."""
    from PIL import Image  # here, so that the window is shown without it

    image = Image.frombytes("RGB", (picture.width, picture.height), picture.rgb)
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    data = image.tobytes()
    return QPixmap.fromImage(QImage(data, width, height, width * 3, QImage.Format.Format_RGB888))


def _shape(plate: Plate | None) -> tuple[int, int] | None:
    return None if plate is None else (plate.width, plate.height)

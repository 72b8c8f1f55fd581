"""One picture, as large as there is room."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.view import theme
from desktop.view.canvas import scale_to_fit

_MARGIN = 16
_FOOT = 24
"""Points for a picture's name."""


class PictureView(QWidget):
    """Shows an image in the middle, with its name under it if it has one; without an image a sentence."""

    def __init__(self, margin: int = _MARGIN, caption: str = "") -> None:
        super().__init__()
        self.setObjectName("canvas")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._margin, self._caption = margin, caption
        self._foot = _FOOT if caption else 0
        self.image: QImage | None = None
        self.words = ""
        self._scaled: QPixmap | None = None

    def show_image(self, image: QImage | None, words: str = "") -> None:
        """Shows the image; without one the words, which may be empty while it is on its way."""
        self.image, self.words = image, words
        self._scaled = None
        self.update()

    def frame(self) -> QRectF:
        """Where the picture lies, in points."""
        size = self._shown_size() / self.devicePixelRatioF()
        top = (self.height() - self._foot - size.height()) / 2
        return QRectF((self.width() - size.width()) / 2, top, *size.toTuple())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._scaled = None

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.rect(), QColor(theme.current().window))
        if self.image is None:
            painter.setPen(QColor(theme.current().quiet))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(24, 24, -24, -24), int(flags), self.words)
        else:
            picture = self._picture(self.image)
            painter.drawPixmap(self.frame(), picture, QRectF(picture.rect()))
            self._paint_caption(painter)

    def _paint_caption(self, painter: QPainter) -> None:
        frame = self.frame()
        foot = QRectF(frame.left(), frame.bottom() + 4, frame.width(), _FOOT - 4)
        painter.setPen(QColor(theme.current().quiet))
        painter.drawText(foot, Qt.AlignmentFlag.AlignCenter, self._caption)

    def _picture(self, image: QImage) -> QPixmap:
        """Scaled once for every size, smoothly."""
        if self._scaled is None:
            ways = Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
            self._scaled = QPixmap.fromImage(image.scaled(self._shown_size(), *ways))
        return self._scaled

    def _shown_size(self) -> QSize:
        """In pixels of the screen."""
        if self.image is None:
            return QSize(1, 1)
        density, margin = self.devicePixelRatioF(), 2 * self._margin
        across = (self.width() - margin) * density / self.image.width()
        down = (self.height() - margin - self._foot) * density / self.image.height()
        scale = max(scale_to_fit(min(across, down), density), 0.001)
        return QSize(max(1, round(self.image.width() * scale)), max(1, round(self.image.height() * scale)))

"""One small picture with a name under it."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from backends.core.contract import Picture
from desktop.model.language import tr
from desktop.view import theme
from desktop.view.canvas import to_pixmap

SMOOTH = Qt.TransformationMode.SmoothTransformation
CRISP = Qt.TransformationMode.FastTransformation
"""For latents: every place is seen as one square."""
NAME_HEIGHT = 24
_LEAST = 88


class Still(QWidget):
    """A picture as large as there is room, what it is right under it. `tip` has the field's own term."""

    def __init__(self, name: str, tip: str, how: Qt.TransformationMode = SMOOTH) -> None:
        super().__init__()
        self.name, self._how = name, how
        self.picture: Picture | None = None
        self._pixmap: QPixmap | None = None
        self.setToolTip(tip)
        self.setMinimumSize(_LEAST, _LEAST + NAME_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._describe()

    def sizeHint(self) -> QSize:
        return QSize(256, 256 + NAME_HEIGHT)

    def height_for(self, width: int) -> int:
        """How high it is when the picture takes this width."""
        shape = self._pixmap.size() if self._pixmap else QSize(1, 1)
        return width * shape.height() // shape.width() + NAME_HEIGHT

    def rename(self, name: str) -> None:
        """Says something else about it."""
        self.name = name
        self._describe()
        self.update()

    def show_picture(self, picture: Picture | None) -> None:
        if picture is self.picture:
            return
        self.picture = picture
        self._pixmap = None if picture is None else to_pixmap(picture, picture.width, picture.height)
        self._describe()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, colours = QPainter(self), theme.current()
        target = self._target()
        if self._pixmap is None:
            painter.setPen(QColor(colours.edge))
            painter.drawRect(target.adjusted(0, 0, -1, -1))
        else:
            size = target.size() * self.devicePixelRatioF()
            painter.drawPixmap(
                target, self._pixmap.scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, self._how)
            )
        painter.setFont(theme.quiet_font())
        painter.setPen(QColor(colours.quiet))
        line = QRect(0, target.bottom() + 1, self.width(), NAME_HEIGHT)
        short = painter.fontMetrics().elidedText(self.name, Qt.TextElideMode.ElideRight, line.width())
        painter.drawText(line, Qt.AlignmentFlag.AlignCenter, short)

    def _target(self) -> QRect:
        """Where the picture lies: at the top, in the middle."""
        shape = self._pixmap.size() if self._pixmap else QSize(1, 1)
        room = QSize(self.width(), self.height() - NAME_HEIGHT)
        size = shape.scaled(room, Qt.AspectRatioMode.KeepAspectRatio)
        return QRect((self.width() - size.width()) // 2, 0, size.width(), size.height())

    def _describe(self) -> None:
        words = self.name if self.picture else tr("{name}, not there yet", name=self.name)
        self.setAccessibleName(words)

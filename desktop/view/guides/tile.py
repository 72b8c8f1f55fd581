"""A small picture that opens large when it is pressed, and the frame in which it then lies."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QGuiApplication, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QAbstractButton, QFrame, QLabel, QSizePolicy, QVBoxLayout, QWidget

from backends.core.contract import Picture
from desktop.view import theme
from desktop.view.canvas import to_pixmap

_DENSITY = 2
_ROUND, _EDGE = 6, 4
_LARGE = 480


class PictureTile(QAbstractButton):
    """`words` stand in place of a picture that isn't there; `sign`, at the lower edge, beside it."""

    def __init__(self, name: str, side: QSize) -> None:
        super().__init__()
        self.picture: Picture | None = None
        self.words, self.sign = "", ""
        self._pixmap: QPixmap | None = None
        self._side = side
        self.setFixedHeight(side.height())
        self.setMinimumWidth(side.width())
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.clicked.connect(self._show_large)

    def sizeHint(self) -> QSize:
        return self._side

    def show_picture(self, picture: Picture | None, words: str = "") -> None:
        """Nothing is drawn anew for a picture that is shown already."""
        if picture is not self.picture or words != self.words:
            self.picture, self.words = picture, words
            self._pixmap = None
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, colours = QPainter(self), theme.current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(QColor(colours.accent if self.hasFocus() else colours.edge), 1))
        painter.setBrush(QColor(colours.field))
        painter.drawRoundedRect(frame, _ROUND, _ROUND)
        if self.picture is not None:
            self._paint_picture(painter, self.picture)
        elif self.words:
            painter.setPen(QColor(colours.quiet))
            painter.setFont(theme.quiet_font())
            wrapped = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(_EDGE, _EDGE, -_EDGE, -_EDGE), wrapped, self.words)
        if self.sign:
            self._paint_sign(painter)

    def _paint_picture(self, painter: QPainter, picture: Picture) -> None:
        room = QSize(self.width() - 2 * _EDGE, self.height() - 2 * _EDGE)
        size = QSize(picture.width, picture.height).scaled(room, Qt.AspectRatioMode.KeepAspectRatio)
        wanted = QSize(max(1, size.width() * _DENSITY), max(1, size.height() * _DENSITY))
        if self._pixmap is None or self._pixmap.size() != wanted:
            self._pixmap = to_pixmap(picture, wanted.width(), wanted.height())
        left, top = (self.width() - size.width()) / 2, (self.height() - size.height()) / 2
        where = QRectF(left, top, size.width(), size.height())
        painter.drawPixmap(where, self._pixmap, QRectF(self._pixmap.rect()))

    def _paint_sign(self, painter: QPainter) -> None:
        colours, place = theme.current(), QRectF(_EDGE, self.height() - 16 - _EDGE, 16, 16)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.panel))
        painter.drawRoundedRect(place, 4, 4)
        painter.setPen(QColor(colours.text))
        painter.setFont(theme.quiet_font())
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, self.sign)

    def _show_large(self) -> None:
        if self.picture is not None:
            LargeLook(self, self.picture).show_beside(self)


class LargeLook(QFrame):
    """Over everything until something else is pressed."""

    def __init__(self, parent: QWidget, picture: Picture) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("section")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        label, side = QLabel(), max(picture.width, picture.height)
        scale = _LARGE / side
        sides = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        pixmap = to_pixmap(picture, sides[0] * _DENSITY, sides[1] * _DENSITY)
        pixmap.setDevicePixelRatio(_DENSITY)
        label.setPixmap(pixmap)
        label.setAccessibleName(parent.accessibleName())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.GRID, theme.GRID, theme.GRID, theme.GRID)
        layout.addWidget(label)

    def show_beside(self, widget: QWidget) -> None:
        """To the right of it, on the screen."""
        self.adjustSize()
        at = widget.mapToGlobal(QPoint(widget.width() + theme.GRID, 0))
        screen = widget.screen() or QGuiApplication.primaryScreen()
        room = screen.availableGeometry()
        left = min(at.x(), room.right() - self.width())
        top = min(at.y(), room.bottom() - self.height())
        self.move(max(room.left(), left), max(room.top(), top))
        self.show()

"""How one picture looks in the grid: the thumbnail, and marks that say what it is."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from desktop.darkroom import Darkroom, Thumbnail, Whereabouts
from desktop.library.index import LibraryPicture
from desktop.model.language import tr
from desktop.view import theme
from desktop.view.gallery.pictures_model import PICTURE, Index
from desktop.view.icons import pixmap

_GAP = 5
_PADDING = 7
_ROUND = 6
_SIGN = 18
_STRIP = 20
_SHADE = QColor(0, 0, 0, 190)
_ON_SHADE = "#ffffff"


class Cell(QStyledItemDelegate):
    """Draws what is there; a thumbnail that is not is asked for, and comes later."""

    def __init__(self, darkroom: Darkroom) -> None:
        super().__init__()
        self._darkroom = darkroom

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        cell, state = QRect(option.rect), option.state  # pyright: ignore[reportAttributeAccessIssue]
        picture: LibraryPicture | None = index.data(PICTURE)
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        _paint_frame(painter, QRectF(cell.adjusted(_GAP, _GAP, -_GAP, -_GAP)), state)
        inner = QRectF(cell.adjusted(*(_GAP + _PADDING,) * 2, *(-_GAP - _PADDING,) * 2))
        density = painter.device().devicePixelRatioF()
        if picture is None:
            painter.fillRect(_fit(inner, 1, 1), QColor(theme.current().field))
        else:
            side = round(max(inner.width(), inner.height()) * density)
            self._paint_picture(painter, inner, picture, self._darkroom.thumbnail(picture, side))
        painter.restore()

    def _paint_picture(
        self, painter: QPainter, inner: QRectF, picture: LibraryPicture, thumbnail: Thumbnail | None
    ) -> None:
        image = thumbnail.pixmap if thumbnail else None
        size = (image.width(), image.height()) if image else (picture.width or 1, picture.height or 1)
        place = _fit(inner, *size)
        if image is None:
            painter.fillRect(place, QColor(theme.current().field))
        else:
            painter.drawPixmap(place, image, QRectF(image.rect()))
        if thumbnail is not None and thumbnail.whereabouts != "here":
            _paint_whereabouts(painter, place, thumbnail.whereabouts)
        elif picture.rating:
            _paint_strip(painter, place, "★" * picture.rating)
        if picture.starred:
            _paint_sign(painter, place, "star_filled")


def _paint_frame(painter: QPainter, rect: QRectF, state: QStyle.StateFlag) -> None:
    colours = theme.current()
    if state & QStyle.StateFlag.State_Selected:
        painter.setBrush(QColor(colours.selection))
        painter.setPen(QPen(QColor(colours.accent), 2))
        painter.drawRoundedRect(rect, _ROUND, _ROUND)
    elif state & QStyle.StateFlag.State_HasFocus:
        painter.setPen(QPen(QColor(colours.strong_edge), 1, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(rect, _ROUND, _ROUND)


def _fit(inner: QRectF, width: int, height: int) -> QRectF:
    """As large as there is room, in the middle."""
    scale = min(inner.width() / max(1, width), inner.height() / max(1, height))
    across, down = width * scale, height * scale
    return QRectF(inner.center().x() - across / 2, inner.center().y() - down / 2, across, down)


def _paint_sign(painter: QPainter, place: QRectF, name: str) -> None:
    sign = QRectF(place.right() - _SIGN - 8, place.top() + 4, _SIGN + 4, _SIGN + 4)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_SHADE)
    painter.drawEllipse(sign)
    image = pixmap(name, theme.DARK.accent, _SIGN - 4)
    painter.drawPixmap(sign.adjusted(4, 4, -4, -4), image, QRectF(image.rect()))


def _paint_strip(painter: QPainter, place: QRectF, words: str) -> None:
    strip = QRectF(place.left(), place.bottom() - _STRIP, place.width(), _STRIP)
    painter.fillRect(strip, _SHADE)
    painter.setPen(QColor(_ON_SHADE))
    painter.setFont(theme.quiet_font())
    painter.drawText(strip.adjusted(6, 0, -4, 0), Qt.AlignmentFlag.AlignVCenter, words)


def _paint_whereabouts(painter: QPainter, place: QRectF, whereabouts: Whereabouts) -> None:
    painter.fillRect(place, QColor(0, 0, 0, 70))
    _paint_strip(painter, place, whereabouts_in_words(whereabouts))


def whereabouts_in_words(whereabouts: Whereabouts) -> str:
    """What people read on a picture whose file can't be shown."""
    words: dict[Whereabouts, str] = {
        "here": "",
        "away": tr("Not connected"),
        "missing": tr("File is missing"),
        "damaged": tr("File is damaged"),
    }
    return words[whereabouts]

"""One set of line icons, drawn in the theme's colours."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QByteArray, QRectF, QSignalBlocker, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QListWidget, QListWidgetItem, QToolButton

from desktop.view import theme

_SIDE = 20
_PROPERTY = "worn icon"
_WORN = Qt.ItemDataRole.UserRole + 99
_DENSITY = 3
"""Pixels a point: sharp on every screen there is."""


@cache
def icon(name: str, colour: str) -> QIcon:
    """The icon of this name (resources/icons) in one colour."""
    return QIcon(pixmap(name, colour, _SIDE))


def pixmap(name: str, colour: str, side: int) -> QPixmap:
    """The icon as a square picture of `side` points."""
    source = (theme.ICONS / f"{name}.svg").read_text(encoding="utf-8").replace("currentColor", colour)
    picture = QPixmap(side * _DENSITY, side * _DENSITY)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    QSvgRenderer(QByteArray(source.encode())).render(painter, QRectF(picture.rect()))
    painter.end()
    picture.setDevicePixelRatio(_DENSITY)
    return picture


def wear(button: QAbstractButton, name: str, role: str = "text") -> None:
    """Gives a button an icon in one of the theme's colours; `redraw` renews it when the theme changes."""
    button.setProperty(_PROPERTY, [name, role])
    button.setIcon(icon(name, getattr(theme.current(), role)))


def wear_item(item: QListWidgetItem, name: str, role: str = "text") -> None:
    """The same on a line of a list."""
    item.setData(_WORN, [name, role])
    item.setIcon(icon(name, getattr(theme.current(), role)))


def show_sign(label: QLabel, name: str, side: int, role: str = "text") -> None:
    """The same on a label, where nothing can be pressed."""
    label.setProperty(_PROPERTY, [name, side, role])
    label.setPixmap(pixmap(name, getattr(theme.current(), role), side))


def show_instead(label: QLabel, picture: QPixmap) -> None:
    """A picture where a sign was, or may be again."""
    label.setProperty(_PROPERTY, None)
    label.setPixmap(picture)


def redraw(app: QApplication) -> None:
    """Draws every worn icon in the colours of the theme in use."""
    for widget in app.allWidgets():
        if not (worn := widget.property(_PROPERTY)):
            continue
        if isinstance(widget, QAbstractButton):
            wear(widget, *worn)
        elif isinstance(widget, QLabel):
            show_sign(widget, *worn)
    for items in (each for each in app.allWidgets() if isinstance(each, QListWidget)):
        _redraw_items(items)


def _redraw_items(items: QListWidget) -> None:
    """Nobody is told: to a list whose lines can be renamed, any change of a line is a new name."""
    with QSignalBlocker(items):
        for item in map(items.item, range(items.count())):
            if worn := item.data(_WORN):
                wear_item(item, *worn)


class IconButton(QToolButton):
    """A button with an icon, and its name and shortcut as tooltip and accessible name."""

    def __init__(self, name: str, tip: str, *, flat: bool = False) -> None:
        super().__init__()
        self.setIconSize(QSize(_SIDE, _SIDE))
        self.setToolTip(tip)
        self.setAccessibleName(tip)
        if flat:
            self.setObjectName("flat")
        wear(self, name)

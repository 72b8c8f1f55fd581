"""Dragging things onto widgets, as the system does it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QWidget

_COPY, _BUTTON, _KEYS = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def mime_of(path: Path) -> QMimeData:
    """A file."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    return mime


def drop(widget: QWidget, mime: QMimeData, at: QPoint | None = None) -> bool:
    """Drags something there and lets go; returns whether it, or something under it, wanted it."""
    place = at or widget.rect().center()
    enter = QDragEnterEvent(place, _COPY, mime, _BUTTON, _KEYS)
    QApplication.sendEvent(widget, enter)
    if not enter.isAccepted():
        return False
    move = QDragMoveEvent(place, _COPY, mime, _BUTTON, _KEYS)
    move.accept()  # as the system says of what was let in
    QApplication.sendEvent(widget, move)
    if move.isAccepted():
        QApplication.sendEvent(widget, QDropEvent(QPointF(place), _COPY, mime, _BUTTON, _KEYS))
    return move.isAccepted()

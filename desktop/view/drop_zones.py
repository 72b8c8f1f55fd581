"""Over the picture while another is dragged there: take its settings, start from it, or look at it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, QPoint, QRect, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from desktop.model.language import tr
from desktop.model.make import Make
from desktop.model.start import StartPicture
from desktop.view import theme
from desktop.view.dropped import picture_bytes, picture_path
from desktop.view.icons import pixmap

_GAP = 16
_ICON = 32


class DropZones(QWidget):
    """Fields side by side, for what can be done. A picture that is no file has lost its settings."""

    def __init__(self, parent: QWidget, make: Make) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._make, self._under = make, parent
        self._over: str | None = None
        self._names: tuple[str, ...] = ()
        self.hide()

    def offer(self, mime: QMimeData) -> bool:
        """Shows what can be done with it; returns whether there is anything."""
        studio = self._make.studio
        able = {
            "recipe": picture_path(mime) is not None,
            "start": not studio.no_start,
            "reference": not studio.no_references,
        }
        self._names = tuple(name for name, is_able in able.items() if is_able)
        self.setGeometry(self._under.rect())
        self.raise_()
        self.setVisible(bool(self._names))
        return bool(self._names)

    def move_over(self, at: QPoint) -> None:
        """The pointer is here."""
        self._over = self._at(at)
        self.update()

    def drop(self, mime: QMimeData, at: QPoint) -> None:
        """Does what the field there says."""
        self.hide()
        path, where = picture_path(mime), self._at(at)
        if path is not None:
            self._take_file(path, where)
        elif where is not None and (data := picture_bytes(mime)):
            take = {"start": self._make.start_from, "reference": self._make.guides.add_reference}[where]
            take(StartPicture(data, tr("pasted picture")))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, colours = QPainter(self), theme.current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        veil = QColor(colours.window)
        veil.setAlpha(225)
        painter.fillRect(self.rect(), veil)
        words = {
            "recipe": tr("Use its settings"),
            "start": tr("Start from it"),
            "reference": tr("Look at it"),
        }
        signs = {"recipe": "settings", "start": "picture", "reference": "search"}
        for name, field in self._fields().items():
            is_over = name == self._over
            painter.setPen(QPen(QColor(colours.accent if is_over else colours.strong_edge), 2))
            painter.setBrush(QColor(colours.field if is_over else colours.panel))
            painter.drawRoundedRect(field, 12, 12)
            middle = field.center()
            painter.drawPixmap(
                middle.x() - _ICON // 2, middle.y() - _ICON, pixmap(signs[name], colours.text, _ICON)
            )
            painter.setPen(QColor(colours.text))
            painter.setFont(theme.body_font())
            painter.drawText(field.translated(0, _ICON // 2 + 8), Qt.AlignmentFlag.AlignCenter, words[name])

    def _take_file(self, path: Path, where: str | None) -> None:
        if where == "recipe":
            self._make.drop_recipe(path)
        elif where == "start":
            self._make.use_as_start(path)
        elif where == "reference":
            self._make.guides.bring_reference(path)

    def _fields(self) -> dict[str, QRect]:
        inner = self.rect().adjusted(_GAP, _GAP, -_GAP, -_GAP)
        width = (inner.width() - _GAP * (len(self._names) - 1)) // max(1, len(self._names))
        return {
            name: QRect(inner.x() + number * (width + _GAP), inner.y(), width, inner.height())
            for number, name in enumerate(self._names)
        }

    def _at(self, point: QPoint) -> str | None:
        """The field that the pointer is nearest to."""
        distances = {name: abs(field.center().x() - point.x()) for name, field in self._fields().items()}
        return min(distances, key=lambda name: distances[name]) if distances else None

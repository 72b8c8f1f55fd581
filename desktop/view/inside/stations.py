"""The five stations, from left to right; one of them is open."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QPushButton, QSizePolicy, QWidget

from desktop.model.inside import Record
from desktop.model.language import tr
from desktop.view import theme
from desktop.view.inside.said import facts_of, seconds_of, stations

_HEIGHT = 58


class StationBar(QFrame):
    """`chosen` says which station is to be opened (its id). Left and Right walk along them."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.buttons = {station.id: StationButton(station.title) for station in stations()}
        self._group = QButtonGroup(self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.MARGIN, theme.MARGIN, theme.MARGIN, theme.GRID)
        layout.setSpacing(2)
        for number, (name, button) in enumerate(self.buttons.items()):
            if number:
                layout.addWidget(_Arrow())
            layout.addWidget(button, 1)
            self._group.addButton(button)
            button.toggled.connect(lambda on, name=name: self.chosen.emit(name) if on else None)

    def open(self, name: str) -> None:
        self.buttons[name].setChecked(True)

    def show_record(self, record: Record | None) -> None:
        for name, button in self.buttons.items():
            button.show_facts(facts_of(name, record), seconds_of(name, record))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's own arrows for a group of buttons go the same way; at the ends they stay."""
        event.ignore()


@dataclass(frozen=True)
class _Lines:
    facts: str = ""
    seconds: str = ""


class StationButton(QPushButton):
    """A station's name, a fact or two, and how long it took."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title, self._lines = title, _Lines()
        self.setCheckable(True)
        self.setStyleSheet(f"QPushButton {{ min-height: {_HEIGHT - 2}px; max-height: {_HEIGHT - 2}px; }}")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(72)
        self.show_facts("", "")

    def sizeHint(self) -> QSize:
        return QSize(112, _HEIGHT)

    @property
    def facts(self) -> str:
        """What stands under the title."""
        return self._lines.facts

    def show_facts(self, facts: str, seconds: str) -> None:
        self._lines = _Lines(facts, seconds)
        said = ", ".join(each for each in (self._title, facts, seconds) if each)
        self.setAccessibleName(tr("Station {name}", name=said))
        self.setToolTip(said)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter, colours = QPainter(self), theme.current()
        room = self.rect().adjusted(10, 8, -8, -8)
        third = room.height() // 3
        body, small = theme.body_font(), theme.quiet_font()
        body.setBold(self.isChecked())
        shown = (
            (body, colours.text, self._title),
            (small, colours.quiet, self._lines.facts),
            (small, colours.quiet, self._lines.seconds),
        )
        for number, (font, colour, words) in enumerate(shown):
            painter.setFont(font)
            painter.setPen(QColor(colour))
            line = QRect(room.x(), room.y() + number * third, room.width(), third)
            short = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, line.width())
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, short)


class _Arrow(QWidget):
    """From one station to the next."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedSize(12, _HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(theme.current().strong_edge), 1.5))
        middle = self.height() / 2
        painter.drawPolyline(QPolygonF([QPointF(4, middle - 4), QPointF(8, middle), QPointF(4, middle + 4)]))

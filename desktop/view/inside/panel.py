"""The tab: the stations above, the open one's page below; or how to get something to see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from desktop.model.inside import Inside, Record
from desktop.model.language import tr
from desktop.view import bind, theme
from desktop.view.inside.export import Export
from desktop.view.inside.picture_pages import NoisePage, PicturePage
from desktop.view.inside.stations import StationBar
from desktop.view.inside.steps_page import StepsPage
from desktop.view.inside.text_pages import PromptPage, TokensPage

if TYPE_CHECKING:
    from desktop.view.app import Workshop

_TEXT_WIDTH = 400


def build(workshop: Workshop) -> InsidePanel:
    """The tab's widget, which hears of everything from now on."""
    panel = InsidePanel(workshop)
    workshop.session.happened.connect(panel.inside.take)
    return panel


class InsidePanel(QFrame):
    """While it is shown, the pictures that begin are looked into; while it is not, nothing is gathered."""

    def __init__(self, workshop: Workshop) -> None:
        super().__init__()
        self.setObjectName("canvas")
        self._make = workshop.make
        self.inside = inside = Inside(workshop.make)
        self.stations, self.pages, self.empty = StationBar(), QStackedWidget(), EmptyInside(workshop)
        self.prompt, self.tokens, self.noise = PromptPage(inside), TokensPage(inside), NoisePage(inside)
        self.steps, self.picture = StepsPage(inside), PicturePage(inside)
        self._by_name = {
            "prompt": self.prompt,
            "tokens": self.tokens,
            "noise": self.noise,
            "steps": self.steps,
            "picture": self.picture,
        }
        self._export = Export(self, workshop, inside)
        self._lay_out()
        self.stations.chosen.connect(lambda name: self.pages.setCurrentWidget(self._by_name[name]))
        self.steps.wanted.connect(self._export.ask)
        self.stations.open("steps")
        bind.follow(inside.looking, "record", self._show)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not event.spontaneous():
            self.inside.open(True)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        if not event.spontaneous():
            self.inside.open(False)

    def _lay_out(self) -> None:
        for page in self._by_name.values():
            self.pages.addWidget(page)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(self.pages)
        self._scroll = scroll
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        for widget, stretch in ((self.stations, 0), (scroll, 1), (self.empty, 1)):
            layout.addWidget(widget, stretch)

    def _show(self, record: Record | None) -> None:
        self.stations.show_record(record)
        self._scroll.setVisible(record is not None)
        self.stations.setVisible(record is not None)
        self.empty.setVisible(record is None)


class EmptyInside(QWidget):
    """Says how to get something to see, and does it for the picture that is selected."""

    def __init__(self, workshop: Workshop) -> None:
        super().__init__()
        self._make = workshop.make
        self.title, self.words = QLabel(), QLabel()
        self.again = QPushButton(tr("Make it again and look inside"))
        self.title.setFont(theme.title_font())
        self.words.setObjectName("quiet")
        self.words.setWordWrap(True)
        self.words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.words.setFixedWidth(_TEXT_WIDTH)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.MARGIN, theme.MARGIN, theme.MARGIN, theme.MARGIN)
        layout.setSpacing(theme.MARGIN)
        layout.addStretch(1)
        for widget in (self.title, self.words, self.again):
            layout.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(2)
        self.again.clicked.connect(self._again)
        bind.follow(workshop.make.studio, "selected", self._show)

    def _show(self, made: object) -> None:
        self.again.setVisible(made is not None)
        if made is None:
            self._say(
                tr("See how a picture comes to be"),
                tr(
                    "It is on: the next picture you make is shown here on its way, from your words to its "
                    "pixels. While this tab is closed nothing is recorded."
                ),
            )
            return
        self._say(
            tr("Nobody looked inside this one"),
            tr(
                "It was made while this tab was closed. The next picture is shown here on its way; this one "
                "can be made again, the same to the last pixel."
            ),
        )

    def _say(self, title: str, words: str) -> None:
        self.title.setText(title)
        self.words.setText(words)
        self.words.setFixedHeight(self.words.heightForWidth(_TEXT_WIDTH))

    def _again(self) -> None:
        if (made := self._make.studio.selected) is not None:
            self._make.repeat(made)
            self._make.generate()

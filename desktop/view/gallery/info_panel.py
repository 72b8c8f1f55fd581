"""At the right: how the picture under the cursor was made, what people said about it, what can be done."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from backends.core.contract import SAMPLERS
from desktop.library.marks import BEST, Kind
from desktop.model import additions, depth, guides, hires_told, inpainted, refining
from desktop.model.backends import place_in_words
from desktop.model.gallery import Card, Curator
from desktop.model.language import tr
from desktop.view import bind, theme
from desktop.view.controls import quiet, row, scrolling
from desktop.view.gallery.flow import Flow
from desktop.view.icons import IconButton, wear
from desktop.view.text import ProseLabel, breakable

WIDTH = 280
_FACTS = (
    "Seed",
    "Size",
    "Model",
    "With",
    "Made anew",
    "Guides",
    "References",
    "Hi-res fix",
    "Refiner",
    "VAE",
    "Depth",
    "Upscaled",
    "Sampler",
    "Guidance",
    "Left out",
    "Backend",
    "Time",
    "Made",
    "File",
)


class InfoPanel(QFrame):
    """Follows the gallery's card. `wanted` says what the person wants done (an action's id)."""

    wanted = Signal(str)

    def __init__(self, curator: Curator) -> None:
        super().__init__()
        self.setObjectName("right")
        self.setFixedWidth(WIDTH)
        self._curator = curator
        self.prompt = ProseLabel()
        self.values = {name: ProseLabel() for name in _FACTS}
        self.star = QPushButton(tr("Favourite"))
        self.points = [_point(number) for number in range(1, BEST + 1)]
        self.tags, self.collections = Flow(), Flow()
        self.new_tag = QLineEdit()
        self.where = QLabel()
        self.find_folder = QPushButton(tr("Find the folder"))
        self.remix, self.variations = QPushButton(tr("Remix")), QPushButton(tr("Variations"))
        self.start = QPushButton(tr("Use as start"))
        self.more = IconButton("more", tr("More for this picture"))
        self._starters = {
            self.start: tr("Start the next picture from this one (U)"),
            self.variations: tr("Make some pictures that resemble this one"),
        }
        self._no_start, self._hardware = "", dict[str, str]()
        self._prepare()
        self._lay_out()
        bind.follow(curator.gallery, "card", self._show)

    def show_able(self, why_not: str) -> None:
        """Why pictures can't start from one, or nothing where they can."""
        self._no_start = why_not
        for button, tip in self._starters.items():
            button.setToolTip(why_not or tip)
        self._show(self._curator.gallery.card)

    def name_hardware(self, hardware: Mapping[str, str]) -> None:
        """What the backends are called, by their ids."""
        self._hardware = dict(hardware)
        self._show(self._curator.gallery.card)

    def _prepare(self) -> None:
        self.new_tag.setPlaceholderText(tr("Add a tag"))
        self.new_tag.setAccessibleName(tr("Add a tag"))
        self.new_tag.returnPressed.connect(self._tag)
        self.star.setToolTip(tr("Favourite (.)"))
        self.star.clicked.connect(self._curator.star)
        for number, point in enumerate(self.points, 1):
            point.clicked.connect(partial(self._rate, number))
        for button, action, tip in (
            (self.remix, "remix", tr("Fill its settings into the form (R)")),
            (self.start, "start", self._starters[self.start]),
            (self.variations, "vary", self._starters[self.variations]),
            (self.find_folder, "find", tr("Say where the folder of this picture is now")),
        ):
            button.setToolTip(tip)
            button.clicked.connect(partial(self.wanted.emit, action))
        self.where.setWordWrap(True)
        self.where.setObjectName("warningText")

    def _lay_out(self) -> None:
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(theme.MARGIN, theme.MARGIN, theme.MARGIN, theme.GRID)
        layout.setSpacing(theme.GRID)
        layout.addWidget(self.where)
        layout.addWidget(self.find_folder)
        layout.addLayout(self._marks())
        layout.addWidget(self.prompt)
        layout.addWidget(self._facts())
        layout.addWidget(quiet(tr("Collections")))
        layout.addWidget(self.collections)
        layout.addWidget(quiet(tr("Tags")))
        layout.addWidget(self.tags)
        layout.addWidget(self.new_tag)
        layout.addStretch(1)
        foot = QVBoxLayout()
        foot.setContentsMargins(theme.MARGIN, theme.GRID, theme.MARGIN, theme.MARGIN)
        foot.addLayout(row(self.remix, self.variations))
        foot.addLayout(row(self.start, self.more))
        self._all = QWidget()
        whole = QVBoxLayout(self._all)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(_scrolling(body), 1)
        whole.addLayout(foot)
        self.hint = quiet(tr("Choose a picture to see how it was made."))
        self.hint.setWordWrap(True)
        self.hint.setContentsMargins(*(theme.MARGIN,) * 4)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._all, 1)
        outer.addWidget(self.hint, 1, Qt.AlignmentFlag.AlignTop)

    def _marks(self) -> QHBoxLayout:
        layout = row(self.star, *self.points, spacing=0)
        layout.insertStretch(1, 1)
        return layout

    def _facts(self) -> QWidget:
        box = QWidget()
        self._table = QFormLayout(box)
        self._table.setContentsMargins(0, 0, 0, 0)
        self._table.setHorizontalSpacing(theme.MARGIN)
        self._table.setVerticalSpacing(4)
        for name, value in self.values.items():
            self._table.addRow(quiet(tr(name)), value)
        return box

    def _show(self, card: Card | None) -> None:
        self._all.setVisible(card is not None)
        self.hint.setVisible(card is None)
        if card is None:
            return
        self.prompt.setText(card.picture.prompt.strip() or tr("(no prompt)"))
        facts = facts_of(card, self._hardware)
        for name, value in self.values.items():
            value.setText(facts.get(name, ""))
            self._table.setRowVisible(value, bool(facts.get(name)))
        self._show_marks(card)

    def _show_marks(self, card: Card) -> None:
        wear(self.star, *(("star_filled", "accent") if card.picture.starred else ("star", "text")))
        for number, point in enumerate(self.points, 1):
            wear(point, *(("star_filled", "accent") if number <= card.picture.rating else ("star", "quiet")))
        self.tags.show_chips([(name, partial(self._drop, "tag", name)) for name in card.tags])
        self.collections.show_chips(
            [(name, partial(self._drop, "collection", name)) for name in card.collections],
            empty=tr("In none yet"),
        )
        self._show_whereabouts(card)

    def _show_whereabouts(self, card: Card) -> None:
        words = {
            "here": "",
            "away": tr("Not connected: {folder}", folder=card.picture.path.parent),
            "missing": tr("File is missing"),
        }
        self.where.setText(breakable(words[card.whereabouts]))
        self.where.setVisible(card.whereabouts != "here")
        self.find_folder.setVisible(card.whereabouts == "away")
        for button in (self.start, self.variations):
            button.setEnabled(card.whereabouts == "here" and not self._no_start)

    def _rate(self, number: int) -> None:
        card = self._curator.gallery.card
        self._curator.rate(0 if card and card.picture.rating == number else number)

    def _tag(self) -> None:
        name, _ = self.new_tag.text(), self.new_tag.clear()
        self._curator.label("tag", name)

    def _drop(self, kind: Kind, name: str) -> None:
        self._curator.unlabel(kind, name)


def facts_of(card: Card, hardware: Mapping[str, str]) -> dict[str, str]:
    """What is known about a picture, by its name in the panel; what isn't known is left out.

    `hardware` names the backends by their ids.
    """
    picture, record = card.picture, card.record
    facts = {
        "Seed": "" if picture.seed is None else str(picture.seed),
        "Size": f"{picture.width} x {picture.height}" if picture.width and picture.height else "",
        "Model": picture.model or "",
        "Left out": picture.negative_prompt.strip(),
        "Made": picture.created[:16].replace("T", " "),
        "File": picture.path.name,
    }
    if record is not None:
        sampler = SAMPLERS.get(record.sampler or "", record.sampler or "")
        steps = tr("{count} steps", count=record.steps) if record.steps else ""
        facts["Sampler"] = ", ".join(part for part in (sampler, steps) if part)
        facts["With"] = additions.told(record.prompt, record.provenance)
        if made := record.inpainting:
            facts["Made anew"] = inpainted.told(bool(made.mask), made.feather, made.extend)
        names = [each.picture.name for each in record.controls]
        facts["Guides"] = guides.told(record.controls, names)
        facts["References"] = ", ".join(picture.name for picture in record.references)
        facts["Hi-res fix"] = hires_told.told(record.hires, (record.width or 0, record.height or 0))
        facts["Refiner"] = refining.told(record.refiner)
        facts["VAE"] = record.vae or ""
        depth_map = record.depth_map.name if record.depth_map else ""
        facts["Depth"] = depth.told(record.depth_by, depth_map, record.provenance)
        if larger := record.upscaled:
            facts["Upscaled"] = f"{larger.scale:g} x, {hires_told.way_in_words(larger.by)}"
        facts["Guidance"] = "" if record.guidance_scale is None else f"{record.guidance_scale:g}"
        facts["Backend"] = place_in_words(record.provenance, hardware)
        seconds = sum(record.stage_seconds.values())
        facts["Time"] = f"{seconds:.1f} s" if seconds else ""
    return {name: words for name, words in facts.items() if words}


def _point(number: int) -> IconButton:
    button = IconButton("star", tr("Rate with {points} of 5", points=number), flat=True)
    button.setFixedWidth(26)
    return button


def _scrolling(body: QWidget) -> QScrollArea:
    area = scrolling(body)
    area.viewport().setAutoFillBackground(False)
    body.setAutoFillBackground(False)
    return area

"""The first two stations: the words, and the tokens they became with where each of them mattered."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QFormLayout, QLabel, QPushButton, QScrollArea, QWidget

from backends.core.contract import SAMPLERS
from desktop.model.inside import Inside, Record
from desktop.model.inside_pictures import warmed
from desktop.model.language import tr
from desktop.view import bind, theme
from desktop.view.controls import caption, quiet
from desktop.view.gallery.flow import FlowLayout
from desktop.view.inside.page import Page
from desktop.view.inside.still import Still
from desktop.view.text import ProseLabel


class PromptPage(Page):
    """What the model was told."""

    def __init__(self, inside: Inside) -> None:
        super().__init__("prompt")
        self.prompt, self.negative, self.guidance, self.sampler = (ProseLabel() for _ in range(4))
        self.prompt.setFont(theme.body_font())
        form = QFormLayout()
        form.setHorizontalSpacing(theme.MARGIN)
        form.setVerticalSpacing(theme.GRID)
        rows = (
            (tr("Prompt"), self.prompt, ""),
            (tr("Leave out"), self.negative, tr("Negative prompt")),
            (tr("Guidance"), self.guidance, tr("Classifier-free guidance scale")),
            (tr("Sampler"), self.sampler, tr("The rule by which each step takes noise away")),
        )
        for name, label, tip in rows:
            label.setAccessibleName(name)
            label.setToolTip(tip)
            form.addRow(caption(name), label)
        self.body.addLayout(form)
        self.body.addStretch(1)
        bind.follow(inside.looking, "record", self.show_record)

    def show_record(self, record: Record | None) -> None:
        if record is None:
            return
        request = record.request
        self.prompt.setText(request.prompt or tr("(nothing)"))
        self.negative.setText(request.negative_prompt or tr("(nothing)"))
        strength = tr("{scale} times as far as the words pull", scale=f"{request.guidance_scale:g}")
        self.guidance.setText(strength if request.guidance_scale > 1 else tr("off"))
        self.sampler.setText(SAMPLERS[request.sampler])


class TokensPage(Page):
    """The tokens as chips; the chosen one's heat lies over the picture."""

    def __init__(self, inside: Inside) -> None:
        super().__init__("tokens")
        self._inside, self._shown = inside, ((), (), (), ())
        self.chips: list[QPushButton] = []
        self.cut: list[QPushButton] = []
        self._cloud = QWidget()
        self._flow = FlowLayout(self._cloud)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setWidget(self._cloud)
        self._scroll.setMaximumHeight(118)
        self._scroll.setMinimumHeight(34)
        self.picture = Still(
            tr("The picture"), tr("Mean cross-attention over heads, layers and steps (DAAM)")
        )
        self.note = quiet()
        self.note.setWordWrap(True)
        self.body.addWidget(self._scroll)
        self.body.addWidget(self.note)
        self.body.addWidget(self.picture, 1)
        bind.follow(inside.looking, "record", self._show)
        bind.follow(inside.looking, "token", self._show)

    def _show(self, _: object = None) -> None:
        record, token = self._inside.looking.record, self._inside.looking.token
        if record is None:
            return
        self._show_chips(record)
        for number, chip in enumerate(self.chips):
            chip.setChecked(number == token)
        self._show_heat(record, token)
        self._say(record)

    def _show_heat(self, record: Record, token: int | None) -> None:
        heat = None if token is None else record.heat(token)
        if heat is None or token is None or record.latest is None:
            self.picture.rename(tr("The picture"))
            self.picture.show_picture(record.latest)
            return
        word = record.tokens[token]
        self.picture.rename(
            tr("Where \u201c{word}\u201d mattered: bright is much, dark is little", word=word)
        )
        self.picture.show_picture(warmed(record.latest, heat))

    def _say(self, record: Record) -> None:
        words = ""
        if record.cut:
            words = tr("Struck through: more than the model reads, so it never saw them.")
        if record.ended and record.words is None and record.picture is not None and record.tokens:
            words = tr("This backend can't show where the words went.") + " " + words
        elif not record.ended and record.words is None:
            words = tr("Where each token mattered is known when the steps are done.") + " " + words
        self.note.setText(words.strip())
        self.note.setVisible(bool(words))

    def _show_chips(self, record: Record) -> None:
        told = (record.tokens, record.cut, record.weights, record.chunks)
        if self._shown == told:
            return
        self._shown = told
        while (item := self._flow.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        weights = record.weights or (1.0,) * len(record.tokens)
        self.chips = [
            self._chip(number, *each) for number, each in enumerate(zip(record.tokens, weights, strict=False))
        ]
        self.cut = [_cut_chip(word) for word in record.cut]
        starts = _starts(record.chunks)
        for number, chip in enumerate((*self.chips, *self.cut)):
            if number in starts:
                self._flow.addWidget(_chunk_mark(starts[number]))
            self._flow.addWidget(chip)
        lines = self._flow.heightForWidth(max(200, self._scroll.viewport().width()))
        self._scroll.setFixedHeight(min(118, max(34, lines + 6)))

    def _chip(self, number: int, word: str, weight: float) -> QPushButton:
        chip = _plain_chip(word if weight == 1 else f"{word} \u00d7{weight:g}")
        chip.setCheckable(True)
        chip.setMinimumWidth(chip.fontMetrics().horizontalAdvance(chip.text()) + 28)  # the chosen one is bold
        tip = tr("Show where \u201c{word}\u201d mattered", word=word)
        counts = tr("It counts {weight} times as much.", weight=f"{weight:g}")
        chip.setToolTip(tip if weight == 1 else f"{tip}. {counts}")
        chip.setAccessibleName(tr("Token {number}: {word}", number=number + 1, word=word))
        chip.clicked.connect(lambda on: self._inside.show_token(number if on else None))
        return chip


def _starts(chunks: tuple[int, ...]) -> dict[int, int]:
    """Where a chunk after the first begins -> its number, from 1."""
    pairs = enumerate(pairwise(chunks), 1)
    return {at: now + 1 for at, (before, now) in pairs if now != before}


def _chunk_mark(number: int) -> QLabel:
    mark = quiet(tr("Chunk {number}:", number=number))
    mark.setToolTip(tr("The text encoder reads a long prompt in chunks of 75 tokens; BREAK begins one"))
    return mark


def _plain_chip(word: str) -> QPushButton:
    chip = QPushButton(word.replace("&", "&&"))
    chip.setObjectName("chip")
    chip.setIconSize(QSize(0, 0))
    return chip


def _cut_chip(word: str) -> QPushButton:
    chip = _plain_chip(word)
    chip.setEnabled(False)
    chip.setStyleSheet("text-decoration: line-through")
    chip.setToolTip(tr("Cut off: the model never saw it"))
    chip.setAccessibleName(tr("Cut off: {word}", word=word))
    return chip

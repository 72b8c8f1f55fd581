"""The fourth station: every step, what guidance changed in it, and the film to keep."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSlider, QWidget

from desktop.model.inside import Inside, Record
from desktop.model.language import tr
from desktop.view import bind, theme
from desktop.view.controls import quiet, row
from desktop.view.inside.film_strip import FilmStrip
from desktop.view.inside.page import Page
from desktop.view.inside.still import CRISP, Still

FILM, SHEET = "film", "sheet"
_BETWEEN = 12


class StepsPage(Page):
    """A scrubber over the film; above it what happened in the chosen step. `wanted` asks for an export."""

    wanted = Signal(str)

    def __init__(self, inside: Inside) -> None:
        super().__init__("steps")
        self._inside, self._halves, self._stills = inside, True, QWidget()
        self.seen = Still(tr("What it was given"), tr("Latents before the step"), CRISP)
        self.without = Still(tr("Without your words"), tr("Unconditional prediction, as clean latents"))
        self.with_words = Still(tr("With your words"), tr("Conditional prediction, as clean latents"))
        self.guided = Still(
            tr("Guided"), tr("Classifier-free guidance: the prediction the step is made with")
        )
        self.scrubber, self.where, self.strip = QSlider(Qt.Orientation.Horizontal), quiet(), FilmStrip()
        self.film = self._button(tr("Save film"), tr("An animated WebP of the steps"), FILM)
        self.sheet = self._button(tr("Save sheet"), tr("All steps in one PNG"), SHEET)
        self._lay_out()
        self.scrubber.valueChanged.connect(inside.show_step)
        self.strip.chosen.connect(inside.show_step)
        bind.follow(inside.looking, "record", self._show)
        bind.follow(inside.looking, "step", self._show)

    def _lay_out(self) -> None:
        self.scrubber.setAccessibleName(tr("Step"))
        self.scrubber.setPageStep(5)
        self.where.setMinimumWidth(168)
        foot = QHBoxLayout()
        foot.setSpacing(theme.GRID)
        foot.addWidget(self.where)
        foot.addStretch(1)
        foot.addWidget(self.film)
        foot.addWidget(self.sheet)
        stills = row(self.seen, self.without, self.with_words, self.guided, spacing=_BETWEEN)
        stills.setContentsMargins(0, 0, 0, 0)
        self._stills.setLayout(stills)
        self.body.addWidget(self._stills, 1)
        self.body.addWidget(self.scrubber)
        self.body.addWidget(self.strip)
        self.body.addLayout(foot)
        self.body.addStretch()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_stills()

    def _fit_stills(self) -> None:
        """The row is no higher than its pictures, so that the film stands right under them."""
        count = 4 if self._halves else 2
        room = self.width() - 2 * theme.MARGIN - (count - 1) * _BETWEEN
        self._stills.setMaximumHeight(self.seen.height_for(room // count))

    def _show(self, _: object = None) -> None:
        record, step = self._inside.looking.record, self._inside.looking.step
        steps = record.steps if record else ()
        with QSignalBlocker(self.scrubber):
            self.scrubber.setRange(0, max(0, len(steps) - 1))
            self.scrubber.setValue(step)
        self.scrubber.setEnabled(len(steps) > 1)
        self.strip.show_steps(steps, step)
        for button in (self.film, self.sheet):
            button.setEnabled(record is not None and record.ended and bool(steps))
        self._show_step(record, step)

    def _show_step(self, record: Record | None, number: int) -> None:
        steps = record.steps if record else ()
        step = steps[number] if number < len(steps) else None
        self.seen.show_picture(step and step.latents)
        self.without.show_picture(step and step.unconditional)
        self.with_words.show_picture(step and step.conditional)
        self.guided.show_picture(step and step.estimate)
        self._halves = step is None or step.conditional is not None
        for still in (self.without, self.with_words):
            still.setVisible(self._halves)
        self.guided.rename(self._guided_name(record))
        self._fit_stills()
        self.where.setText(
            "" if step is None or record is None else _where(step.step, record, step.noise_share)
        )
        self.scrubber.setAccessibleDescription(self.where.text())

    def _guided_name(self, record: Record | None) -> str:
        if not self._halves or record is None:
            return tr("What it expected")
        return tr("Guided, {scale} times as far", scale=f"{record.request.guidance_scale:g}")

    def _button(self, words: str, tip: str, kind: str) -> QPushButton:
        button = QPushButton(words)
        button.setToolTip(tip)
        emit: Callable[[], None] = lambda: self.wanted.emit(kind)  # noqa: E731
        button.clicked.connect(emit)
        return button


def _where(step: int, record: Record, noise_share: float) -> str:
    last = max(record.steps[-1].step, step)
    return tr(
        "Step {step} of {last}, {share} % noise", step=step, last=last, share=round(100 * noise_share**2)
    )

"""How far a start picture is extended: edges are pulled in the model's steps, and limits told in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from psygnal import SignalGroupDescriptor

from backends.core.contract import MAX_EXTEND, MAX_SIDE
from desktop.model.form import NOT_EXTENDED, ModelChoice
from desktop.model.language import tr
from desktop.model.models_fit import Sign, sign_of, words_of_fit

if TYPE_CHECKING:
    from desktop.model.make import Make

Extend = tuple[int, int, int, int]
"""Pixels added at the left, above, at the right and below."""
LEFT, ABOVE, RIGHT, BELOW = range(4)
OUTWARDS = ((-1, 0), (0, -1), (1, 0), (0, 1))
"""The way out at each edge, across and down."""
STEP = 8
_FAR = 3
"""So many times a model's own number of pixels is far more than it learned from."""


@dataclass(frozen=True)
class Bounds:
    """A start picture's `width` and `height` in the picture that is made, and the model's `step`."""

    width: int
    height: int
    step: int = STEP

    def pulled(self, extend: Extend, edges: Sequence[int], across: float, down: float) -> tuple[Extend, str]:
        """These edges pulled by so many pixels, snapped to steps; and what was in the way, or nothing."""
        found, why = list(extend), ""
        for edge in edges:
            outwards = across * OUTWARDS[edge][0] + down * OUTWARDS[edge][1]
            found[edge], stopped = self._kept(found, edge, found[edge] + outwards)
            why = why or stopped
        return (found[0], found[1], found[2], found[3]), why

    def whole(self, extend: Extend) -> tuple[int, int]:
        """Width and height with what is added."""
        return self.width + extend[LEFT] + extend[RIGHT], self.height + extend[ABOVE] + extend[BELOW]

    def _kept(self, extend: Sequence[int], edge: int, pixels: float) -> tuple[int, str]:
        side = self.height if edge in (ABOVE, BELOW) else self.width
        room = MAX_SIDE - side - extend[(edge + 2) % 4]
        most = max(0, min(MAX_EXTEND, room) // self.step * self.step)
        wanted = round(pixels / self.step) * self.step
        if wanted <= most:
            return max(0, wanted), ""
        if room < MAX_EXTEND:
            return most, tr("A side of a picture has at most {pixels} px.", pixels=MAX_SIDE)
        return most, tr("An edge is extended by at most {pixels} px.", pixels=MAX_EXTEND)


@dataclass(kw_only=True)
class Told:
    """What is said of the extended picture: `limit`, what stopped the last pull; `fit`, whether there is
    enough memory (`sign`), which is empty while nobody knows."""

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    limit: str = ""
    fit: str = ""
    sign: Sign = "good"


@dataclass(frozen=True)
class Weighing:
    """A picture's memory, in bytes: `verdict` as backends/core/fit.py has it."""

    verdict: str
    need: int
    free: int


@dataclass(frozen=True)
class Sized:
    """A picture to weigh: of which model, on which backend, how large, with guidance or without."""

    folder: Path
    backend: str
    size: tuple[int, int]
    guided: bool


class Scales(Protocol):
    """Predicts a picture's memory, elsewhere. The answer comes later, in this thread; None: nobody knows."""

    def weigh(self, picture: Sized, then: Callable[[Weighing | None], None]) -> None: ...


class Extending:
    """Pulls the form's edges, and has each extended size weighed, one after the other."""

    def __init__(self, make: Make, scales: Scales) -> None:
        self._make, self._scales = make, scales
        self.told = Told()
        self._weighed: tuple[object, ...] = ()
        self._asking = False
        for field in ("extend", "width", "height", "model", "start"):
            getattr(make.form.events, field).connect(self._changed)

    @property
    def bounds(self) -> Bounds:
        form, choice = self._make.form, self._choice
        return Bounds(form.width, form.height, choice.size_step if choice else STEP)

    def use(self, extend: Extend, limit: str = "") -> None:
        """Extends the picture so far; `limit` is what was in the way of more."""
        self._make.form.extend = extend
        self.told.limit = limit

    def set_edge(self, edge: int, pixels: int) -> None:
        """As typed into a field: snapped, and kept within what is possible."""
        extend, step = self._make.form.extend, self.bounds.step
        if pixels != extend[edge]:
            right, down = OUTWARDS[edge]
            further = pixels // step * step - extend[edge]
            self.use(*self.bounds.pulled(extend, (edge,), right * further, down * further))

    @property
    def words(self) -> str:
        """The whole size, what is in the way of it, and whether it fits."""
        form, choice = self._make.form, self._choice
        width, height = form.whole_size
        told = [tr("The picture becomes {size}.", size=f"{width} x {height}"), self.told.limit]
        if choice is not None and form.extend != NOT_EXTENDED:
            told += [_of_model(choice, (width, height)), self.told.fit]
        return " ".join(each for each in told if each)

    @property
    def _choice(self) -> ModelChoice | None:
        return self._make.models.get(self._make.form.model)

    def _changed(self, _: object) -> None:
        self.told.limit = ""
        if self._question() != self._weighed:
            self.told.fit = ""
            self._ask()

    def _question(self) -> tuple[object, ...]:
        form = self._make.form
        return () if form.start is None or not any(form.extend) else (form.model, *form.whole_size)

    def _ask(self) -> None:
        """Has what is wanted now weighed, unless an answer is awaited: then when it comes."""
        question, choice = self._question(), self._choice
        if self._asking or not question or choice is None:
            return
        self._asking, form = True, self._make.form
        sized = Sized(choice.folder, self._make.settings.backend, form.whole_size, form.guidance_scale > 1)
        self._scales.weigh(sized, lambda found: self._take(question, found))

    def _take(self, question: tuple[object, ...], found: Weighing | None) -> None:
        self._asking, self._weighed = False, question
        if question != self._question():
            self._ask()
        elif found is not None:
            self.told.sign = sign_of(found.verdict)
            self.told.fit = words_of_fit(found.verdict, found.need, found.free) + "."


def _of_model(choice: ModelChoice, size: tuple[int, int]) -> str:
    """What the model itself says to such a size."""
    if choice.sizes and size not in choice.sizes:
        made = ", ".join(f"{width} x {height}" for width, height in choice.sizes)
        return tr("This model was prepared for {sizes} only.", sizes=made)
    own = choice.defaults.width, choice.defaults.height
    if size[0] * size[1] > _FAR * own[0] * own[1]:
        return tr("Far larger than {size}, which the model makes best.", size=f"{own[0]} x {own[1]}")
    return ""

"""Inside: how a picture came to be, gathered from the run itself while somebody looks."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from typing import ClassVar

from psygnal import SignalGroupDescriptor

from backends.core.contract import (
    Cancelled,
    Denoised,
    Event,
    Failed,
    Finished,
    NoiseDrawn,
    Picture,
    PictureReady,
    Request,
    Stage,
    StageFinished,
    StageStarted,
    StepSeen,
    TextRead,
    WordsAttended,
)
from desktop.model.make import Make

KEPT_BYTES = 100 * 10**6
"""All records together take about as much; the oldest go first, and the one in work never."""

Key = tuple[str, int]


@dataclass(frozen=True)
class Heat:
    """Where one token mattered: `values` from 0 (least) to 1 (most), `height` rows of `width`."""

    width: int
    height: int
    values: tuple[float, ...] = field(repr=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class Record:
    """What was seen of one picture, as far as it has come. `cut` are tokens that were too many; `weights`
    and `chunks` are those of the others, where somebody says."""

    request: Request
    index: int = 0
    tokens: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    chunks: tuple[int, ...] = ()
    noise: Picture | None = None
    steps: tuple[StepSeen, ...] = ()
    latents: Picture | None = None
    words: WordsAttended | None = None
    picture: Picture | None = None
    seconds: dict[Stage, float] = field(default_factory=dict[Stage, float])
    ended: bool = False

    @property
    def key(self) -> Key:
        return (self.request.id, self.index)

    @property
    def seed(self) -> int:
        return self.request.seed + self.index

    @property
    def latest(self) -> Picture | None:
        """The nearest thing to the picture that is known."""
        return self.picture or (self.steps[-1].estimate if self.steps else None)

    @property
    def bytes(self) -> int:
        """What its pictures take, about."""
        each = len(self.steps[0].latents.rgb) if self.steps else 0
        maps = sum(map(len, self.words.maps)) if self.words else 0
        return 4 * each * len(self.steps) + maps + (len(self.picture.rgb) if self.picture else 0)

    def heat(self, token: int) -> Heat | None:
        """Where this token mattered, or None where nobody could tell."""
        if self.words is None or not 0 <= token < len(self.words.maps):
            return None
        shares = struct.unpack(f"<{self.words.width * self.words.height}e", self.words.maps[token])
        low, high = min(shares), max(shares)
        span = (high - low) or 1.0
        return Heat(self.words.width, self.words.height, tuple((share - low) / span for share in shares))


@dataclass(kw_only=True)
class Looking:
    """What the tab shows. `events` has one signal a field.

    `record` is the picture's, or None when nobody looked inside while it was made; `step` counts
    `record.steps` from 0; `token` is the chosen one.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    record: Record | None = None
    step: int = 0
    token: int | None = None


class Inside:
    """Gathers what the worker tells of the pictures that are made while `open`."""

    def __init__(self, make: Make) -> None:
        self.looking = Looking()
        self._work, self._studio = make.work, make.studio
        self._current: Record | None = None
        self._kept: dict[Key, Record] = {}
        self._following = True
        self._studio.events.selected.connect(self._choose)

    def open(self, is_open: bool) -> None:
        """Whether the pictures that begin from now on are to be looked into."""
        self._work.look_inside = is_open

    def show_step(self, step: int) -> None:
        """Shows one step; the last one follows the work."""
        record = self.looking.record
        last = len(record.steps) - 1 if record else 0
        self.looking.step = max(0, min(step, last))
        self._following = self.looking.step == last

    def show_token(self, token: int | None) -> None:
        """Shows where a token of the prompt mattered."""
        self.looking.token = token

    def take(self, event: Event) -> None:
        """Something happened to a request. What nobody asked to look into is let pass."""
        if isinstance(event, StageStarted):
            self._started(event)
        current = self._current
        if current is None or event.request_id != current.request.id:
            return
        if isinstance(event, Finished | Cancelled | Failed):
            self._keep(replace(current, ended=True))
            self._current = None
        elif (changed := _with(current, event)) is not None:
            self._current = changed
            self._keep(changed)

    def _started(self, event: StageStarted) -> None:
        """A request begins, or the next picture of one does."""
        job, current = self._work.job, self._current
        if job is None or not job.inside or job.request.id != event.request_id:
            return
        if current is None or current.request.id != event.request_id:
            self._begin(Record(request=job.request))
        elif event.picture_index != current.index and event.stage is Stage.DENOISING:
            shared = {stage: current.seconds[stage] for stage in _ONCE if stage in current.seconds}
            self._keep(replace(current, ended=True))
            self._begin(
                Record(
                    request=current.request,
                    index=event.picture_index,
                    tokens=current.tokens,
                    cut=current.cut,
                    seconds=shared,
                )
            )

    def _begin(self, record: Record) -> None:
        self._current, self._following = record, True
        self.looking.step = 0
        if (shown := self.looking.record) is None or shown.request.prompt != record.request.prompt:
            self.looking.token = None
        self._keep(record)

    def _keep(self, record: Record) -> None:
        self._kept[record.key] = record
        total = sum(each.bytes for each in self._kept.values())
        for key in [key for key in self._kept if key != record.key]:
            if total <= KEPT_BYTES:
                break
            total -= self._kept.pop(key).bytes
        self._show(record)

    def _show(self, record: Record | None) -> None:
        self.looking.record = record
        if record is not None and self._following:
            self.looking.step = max(0, len(record.steps) - 1)

    def _choose(self, made: object = None) -> None:
        """Shows what is known of the picture that was selected, unless one is being looked into."""
        selected = self._studio.selected
        if self._current is None and selected is not None:
            self._following = True
            self._show(self._kept.get(selected.key))


_ONCE = (Stage.LOADING, Stage.READING_PROMPT, Stage.READING_PICTURE)
"""Stages that all pictures of a request share."""


def _with(record: Record, event: Event) -> Record | None:
    """The record with what this event tells, or None when it tells nothing of it."""
    match event:
        case TextRead():
            return replace(
                record, tokens=event.tokens, cut=event.cut, weights=event.weights, chunks=event.chunks
            )
        case NoiseDrawn():
            return replace(record, noise=event.latents)
        case StepSeen():
            return replace(record, steps=(*record.steps, event))
        case Denoised():
            return replace(record, latents=event.latents)
        case WordsAttended():
            return replace(record, words=event)
        case PictureReady():
            return replace(record, picture=event.picture)
        case StageFinished():
            return replace(record, seconds=record.seconds | {event.stage: event.seconds})
        case _:
            return None

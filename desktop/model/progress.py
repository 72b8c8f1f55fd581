"""Where a request is, in words and numbers, from the events it sends."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from statistics import median

from backends.core.contract import EACH_PICTURES, Event, Request, Stage, StageProgress, StageStarted, StepDone
from backends.core.contract.preparing import Preparation, Preparing
from desktop.model.language import tr

_RECENT_STEPS = 8


@dataclass(frozen=True)
class Progress:
    """`fraction` of the whole request from 0 to 1; `seconds_left` is None until it can be told."""

    headline: str
    fraction: float = 0.0
    seconds_left: float | None = None


@dataclass
class Tracker:
    """Follows one request."""

    request: Request
    current: Progress = field(default_factory=lambda: Progress(tr("Starting")))
    _shares: dict[int, float] = field(default_factory=dict[int, float])
    _step_seconds: deque[float] = field(default_factory=lambda: deque[float](maxlen=_RECENT_STEPS))

    def take(self, event: Event) -> None:
        match event:
            case StageStarted():
                self._started(event)
            case StepDone():
                self._stepped(event)
            case StageProgress():
                self._went_on(event)
            case Preparing(at=at):
                self.current = prepared(at)
            case _:
                pass

    def _started(self, event: StageStarted) -> None:
        if event.stage in (Stage.DETAILING, Stage.REFINING):
            self._step_seconds.clear()
        words = self._with_picture(tr(event.stage.value), event.picture_index, event.stage)
        self.current = Progress(words, self.current.fraction, self.current.seconds_left)

    def _stepped(self, event: StepDone) -> None:
        self._step_seconds.append(event.seconds)
        each, share = self._work(event.steps, event.steps), self._work(event.step, event.steps)
        for index in range(event.picture_index):
            self._shares.setdefault(index, each)
        self._shares[event.picture_index] = share
        done, total = sum(self._shares.values()), self.request.count * each
        words = tr("Denoising {step} of {steps}", step=event.step, steps=event.steps)
        step = share - self._work(event.step - 1, event.steps)
        left = median(self._step_seconds) / step * (total - done)
        self.current = Progress(
            self._with_picture(words, event.picture_index, Stage.DENOISING), done / total, left
        )

    def _work(self, step: int, steps: int) -> float:
        """So many steps, counted in steps of the first pass: those of a second one go over more pixels."""
        request = self.request
        if request.hires is None:
            return step
        first = steps - request.hires.steps
        larger = math.prod(request.picture_size) / (request.width * request.height)
        return min(step, first) + larger * max(0, step - first)

    def _went_on(self, event: StageProgress) -> None:
        part = tr("{done} of {count}", done=event.done, count=event.of)
        words = self._with_picture(f"{tr(event.stage.value)}: {part}", event.picture_index, event.stage)
        self.current = Progress(words, self.current.fraction, self.current.seconds_left)

    def _with_picture(self, words: str, index: int, stage: Stage) -> str:
        """With several pictures, says which."""
        if self.request.count == 1 or stage not in EACH_PICTURES:
            return words
        return tr(
            "Picture {number} of {count}: {words}", number=index + 1, count=self.request.count, words=words
        )


def prepared(at: Preparation) -> Progress:
    """A model that is being made ready for this machine: for how long, and how long that usually takes."""
    places = {"neural-engine": tr("the Neural Engine"), "gpu": tr("the GPU"), "all": tr("this Mac")}
    place, time = places.get(at.place, at.place), in_words(at.seconds)
    if at.typical is None:
        return Progress(tr("Preparing for {place}, {time}", place=place, time=time), (at.number - 1) / at.of)
    if at.seconds >= at.typical:
        usual = in_words(at.typical)
        return Progress(tr("Preparing, {time}; usually {usual}", time=time, usual=usual), 0.99)
    left = at.typical - at.seconds
    words = tr("Preparing for {place}, {time}", place=place, time=time)
    return Progress(words, at.seconds / at.typical, left)


def in_words(seconds: float) -> str:
    """ "4 s", "2 min 5 s", "1 h 10 min"."""
    whole = max(1, round(seconds))
    minutes, hours = whole // 60, whole // 3600
    if whole < 60:
        return tr("{seconds} s", seconds=whole)
    if whole >= 3600:
        return tr("{hours} h {minutes} min", hours=hours, minutes=minutes % 60)
    if rest := whole % 60:
        return tr("{minutes} min {seconds} s", minutes=minutes, seconds=rest)
    return tr("{minutes} min", minutes=minutes)

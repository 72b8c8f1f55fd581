"""Which hardware there is to make pictures on, what the automatic choice is and why, and trying one out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import ClassVar, Protocol

from psygnal import SignalGroupDescriptor

from backends.core.contract import (
    Capabilities,
    Event,
    Failed,
    Finished,
    Job,
    Picture,
    PictureReady,
    Request,
    StepDone,
)
from desktop.model.form import ModelChoice
from desktop.model.language import tr
from desktop.model.sentences import said
from desktop.model.settings import AUTO, Settings

_PROMPT = "a red fox in the snow"
_SEED = 7
_CONVERTED = "converted_models"
"""What a backend is able to that runs converted models alone."""


@dataclass(frozen=True)
class BackendState:
    """A backend, and the sentence that says why it can't run here, or None when it can."""

    capabilities: Capabilities
    reason: str | None = None


def place_in_words(provenance: Mapping[str, str], names: Mapping[str, str]) -> str:
    """Where a picture was made, such as "CPU, float32"; a backend that isn't known here goes by its id."""
    backend = provenance.get("backend", "")
    parts = (names.get(backend, backend), provenance.get("precision", ""))
    return ", ".join(part for part in parts if part)


@dataclass(kw_only=True)
class Backends:
    """Every backend, the best first; none until the worker has looked. `events.found` says when it has."""

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    found: tuple[BackendState, ...] = ()

    def find(self, backend: str) -> BackendState | None:
        """The backend with this id; "auto" is the one that would be taken."""
        if backend == AUTO:
            return self.automatic
        return next((each for each in self.found if each.capabilities.id == backend), None)

    def find_for_folders(self, backend: str) -> BackendState | None:
        """As `find`, for models that were not converted: "auto" is then the best that runs those."""
        if backend != AUTO:
            return self.find(backend)
        able = (each for each in self.found if each.reason is None)
        return next((each for each in able if _CONVERTED not in each.capabilities.features), None)

    @property
    def automatic(self) -> BackendState | None:
        """The best that can run here."""
        return next((each for each in self.found if each.reason is None), None)

    def why_automatic(self) -> str:
        """What the automatic choice is, and why, as a sentence or two."""
        best = self.automatic
        if best is None:
            looking, none = tr("Looking at the hardware."), tr("No hardware here can make pictures yet.")
            return none if self.found else looking
        better = [each.capabilities.name for each in self.found[: self.found.index(best)]]
        name = best.capabilities.name
        if not better:
            return tr("Automatic is {name} here: the fastest there is.", name=name)
        others = ", ".join(better)
        return tr(
            "Automatic is {name} here: {others} would be faster but can't run.", name=name, others=others
        )


@dataclass(kw_only=True)
class Trial:
    """How a backend did. `seconds_per_step` and `peak_bytes` are None until measured."""

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    backend: str = ""
    running: bool = False
    headline: str = ""
    seconds_per_step: float | None = None
    peak_bytes: int | None = None
    picture: Picture | None = None
    steps: list[float] = field(default_factory=list[float])


class TrialBench(Protocol):
    """Where a trial is made."""

    def submit(self, job: Job) -> None: ...
    def worker_memory(self) -> int | None: ...


class TryOut:
    """Makes one picture with the first model on a backend, keeps nothing, and says how it went."""

    def __init__(self, bench: TrialBench, models: Sequence[ModelChoice], settings: Settings) -> None:
        self.trial = Trial()
        self._bench, self._models, self._settings = bench, models, settings
        self._job: Job | None = None

    def start(self, backend: str) -> None:
        """Sends the job, behind what is being made. One at a time."""
        if self.trial.running or not self._models:
            return
        model, trial = self._models[0], self.trial
        request = Request(prompt=_PROMPT, model=model.name, seed=_SEED, **vars(model.defaults))
        options = dict(self._settings.options_for(backend))
        self._job = Job(request=request, model_folder=model.folder, backend=backend, options=options)
        trial.backend, trial.steps, trial.picture = backend, [], None
        trial.seconds_per_step = trial.peak_bytes = None
        trial.headline, trial.running = tr("Starting"), True
        self._bench.submit(self._job)

    def take(self, event: Event) -> None:
        """Something happened to a request; only the trial's counts."""
        if self._job is None or event.request_id != self._job.request.id:
            return
        self._measure()
        match event:
            case StepDone():
                self._step(event)
            case PictureReady():
                self.trial.picture = event.picture
            case Finished():
                self._end(self._words())
            case Failed():
                self._end(f"{said(event.error.message)} {said(event.error.action)}")
            case _:
                pass

    def _step(self, event: StepDone) -> None:
        """The first step pays for what is done once, so it doesn't count."""
        trial = self.trial
        trial.steps.append(event.seconds)
        trial.seconds_per_step = median(trial.steps[1:] or trial.steps)
        trial.headline = tr("Denoising {step} of {steps}", step=event.step, steps=event.steps)

    def _measure(self) -> None:
        now = self._bench.worker_memory()
        if now is not None:
            self.trial.peak_bytes = max(now, self.trial.peak_bytes or 0)

    def _end(self, headline: str) -> None:
        self._job = None
        self.trial.headline = headline
        self.trial.running = False

    def _words(self) -> str:
        trial = self.trial
        parts = [tr("{seconds} s a step", seconds=f"{trial.seconds_per_step or 0:.2f}")]
        if trial.peak_bytes is not None:
            parts.append(tr("{size} GB of memory at most", size=f"{trial.peak_bytes / 2**30:.1f}"))
        return ", ".join(parts)

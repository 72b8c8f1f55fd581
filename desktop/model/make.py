"""What the Make screen does: the person's wishes and the worker's answers become the studio's state.

Widgets forward to it; it knows neither Qt nor processes. Whatever runs the work (the session) is
given to it as a Bench, and tells it what happened through `take` and its companions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from backends.core.contract import (
    BrokenModel,
    Cancelled,
    Event,
    Failed,
    Finished,
    Job,
    MezzotintError,
    Notice,
    PictureReady,
    Request,
    StageStarted,
    StepDone,
    WorkerDied,
)
from desktop.model.form import Form, ModelChoice
from desktop.model.problem import Problem, Remedy
from desktop.model.progress import Tracker
from desktop.model.studio import Made, Plate, Studio

_ASLEEP = "Starts with the next picture"
_RECENT = 48
"""Pixels of so many pictures stay in memory; all are on disk."""


class Bench(Protocol):
    """Where the work is done, elsewhere. Nothing here waits."""

    def submit(self, job: Job) -> None: ...
    def cancel(self, request_id: str) -> None: ...
    def end_worker(self) -> None:
        """Ends the worker at once; the next job starts another."""
        ...

    def keep(self, made: Made) -> None:
        """Saves a picture; `Make.kept` or `Make.not_kept` is called when that is over."""
        ...


class Make:
    """The person's wishes and the worker's answers, turned into the studio's state."""

    def __init__(self, bench: Bench, models: Sequence[ModelChoice], form: Form | None = None) -> None:
        self.form = form or Form()
        self.studio = Studio()
        self.models = {choice.name: choice for choice in models}
        self._bench = bench
        self._jobs: dict[str, _Running] = {}
        if form is None:
            self.form.roll_seed()
        if form is None and models:
            self.form.use_model(models[0])

    # --- what the person does ---

    def generate(self) -> None:
        """Sends what the form says, behind whatever is already under way."""
        try:
            request = self.form.next_request()
            job = Job(request=request, model_folder=self._folder(request.model))
        except MezzotintError as error:
            self.studio.problem = Problem(error)
        else:
            self._send(job)

    def stop(self) -> None:
        """Stops what runs before its next step; asked twice, ends the worker at once."""
        if not self._jobs:
            return
        if self.studio.stopping:
            self._bench.end_worker()
        self.studio.stopping = True
        self._bench.cancel(next(iter(self._jobs)))

    def stop_all(self) -> None:
        """Stops what runs and everything that waits."""
        for request_id in list(self._jobs):
            self._bench.cancel(request_id)
        self.studio.stopping = bool(self._jobs)

    def remedy(self, remedy: Remedy) -> None:
        """Does what a button on the error bar says."""
        problem = self.studio.problem
        self.dismiss()
        if remedy is Remedy.SAVE_AGAIN:
            self._keep_unsaved()
        elif problem is not None and problem.job is not None:
            size = problem.suggested_size if remedy is Remedy.USE_SIZE else None
            self._send(_again(problem.job, size))
            if size:
                self.form.use_size(*size)

    def dismiss(self) -> None:
        """Takes the error bar away."""
        self.studio.problem = None

    def select(self, made: Made) -> None:
        """Shows a finished picture, unless one is being made."""
        self.studio.selected = made
        if not self._jobs:
            self._show_selected()

    def repeat(self, made: Made) -> None:
        """Fills the form so that Generate makes this picture again."""
        self.form.fill_from(made.request, made.event.seed)

    def vary(self, made: Made) -> None:
        """Makes another picture with these settings and a new seed."""
        self.repeat(made)
        self.form.seed_locked = False
        self.generate()

    # --- what the worker answers ---

    def take(self, event: Event) -> None:
        """Something happened to a request. What is not of this window is let pass."""
        running = self._jobs.get(event.request_id)
        if running is None:
            return
        running.tracker.take(event)
        self._show(event, running)
        if isinstance(event, Finished | Cancelled | Failed):
            self._end(event)
        else:
            self.studio.progress = running.tracker.current

    def worker_ready(self, name: str) -> None:
        self.studio.engine = f"{name}: ready"

    def worker_troubled(self, error: MezzotintError) -> None:
        """The worker started but can't make pictures."""
        self.studio.engine = "Not ready"
        self.studio.problem = Problem(error)

    def worker_stopped(self, reason: str) -> None:
        """It ended while idle: no picture is lost, and the next one starts it again."""
        self.studio.engine = _ASLEEP
        self.studio.notice = reason

    def kept(self, made: Made, path: Path) -> None:
        self._replace(replace(made, path=path, unsaved=False))

    def not_kept(self, made: Made, error: MezzotintError) -> None:
        self._replace(replace(made, unsaved=True))
        self.studio.problem = Problem(error)

    # --- parts ---

    def _folder(self, model: str) -> Path:
        if model not in self.models:
            raise BrokenModel(f"The model {model} is not installed.", "Choose another model.")
        return self.models[model].folder

    def _send(self, job: Job) -> None:
        self.studio.notice = ""
        self.dismiss()
        self._jobs[job.request.id] = _Running(job, Tracker(job.request))
        self._refresh()
        self._bench.submit(job)

    def _show(self, event: Event, running: _Running) -> None:
        request = running.job.request
        match event:
            case StageStarted():
                self._lay_plate(request)
            case StepDone() if event.preview is not None:
                self.studio.plate = Plate(event.preview, request.width, request.height, is_preview=True)
            case PictureReady():
                self._add(Made(request, event))
            case Notice():
                self.studio.notice = event.message
            case Failed():
                if isinstance(event.error, WorkerDied):
                    self.studio.engine = _ASLEEP
                self.studio.problem = Problem(event.error, running.job)
            case _:
                pass

    def _lay_plate(self, request: Request) -> None:
        """An empty plate, unless a picture of that shape may lie there until the first preview."""
        plate = self.studio.plate
        if (
            plate is None
            or not plate.is_preview
            or (plate.width, plate.height) != (request.width, request.height)
        ):
            self.studio.plate = Plate(None, request.width, request.height, is_preview=True)

    def _add(self, made: Made) -> None:
        self.studio.recent = _newest((made, *self.studio.recent))
        self.studio.selected = made
        self._show_selected()
        self._bench.keep(made)

    def _replace(self, made: Made) -> None:
        old = self.studio.selected
        self.studio.recent = tuple(made if each.key == made.key else each for each in self.studio.recent)
        if old is not None and old.key == made.key:
            self.studio.selected = made

    def _keep_unsaved(self) -> None:
        for made in self.studio.recent:
            if made.unsaved:
                self._bench.keep(made)

    def _end(self, event: Event) -> None:
        if next(iter(self._jobs)) == event.request_id:
            self.studio.stopping = False
        del self._jobs[event.request_id]
        self._refresh()
        if not self._jobs:
            self._show_selected()

    def _refresh(self) -> None:
        first = next(iter(self._jobs.values()), None)
        self.studio.waiting = max(0, len(self._jobs) - 1)
        self.studio.progress = first.tracker.current if first else None

    def _show_selected(self) -> None:
        made = self.studio.selected
        self.studio.plate = (
            None if made is None else Plate(made.event.picture, made.request.width, made.request.height)
        )


@dataclass
class _Running:
    """A job with the worker."""

    job: Job
    tracker: Tracker


def _newest(pictures: tuple[Made, ...]) -> tuple[Made, ...]:
    """The newest, and every one that is nowhere but in memory."""
    return (*pictures[:_RECENT], *(made for made in pictures[_RECENT:] if made.path is None))


def _again(job: Job, size: tuple[int, int] | None) -> Job:
    width, height = size or (job.request.width, job.request.height)
    return replace(job, request=replace(job.request, id=uuid4().hex, width=width, height=height))

"""The work that goes on: the worker's answers move the queue on and become what the studio shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from backends.core.contract import (
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
from desktop.model.language import tr
from desktop.model.problem import Problem
from desktop.model.progress import Tracker
from desktop.model.queue import Change, Entry, Ledger, Queue, again, same
from desktop.model.sentences import said
from desktop.model.studio import Made, Plate, Studio

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
        """Saves a picture; `Work.kept` or `Work.not_kept` is called when that is over."""
        ...


class Work:
    """Gives the worker one job at a time, in the queue's order."""

    def __init__(self, bench: Bench, studio: Studio, queue: Queue, ledger: Ledger) -> None:
        self.studio, self.queue = studio, queue
        self._bench, self._ledger = bench, ledger
        self._begun: tuple[Job, Tracker] | None = None
        self._unsaved: Counter[str] = Counter()
        self._ended: set[str] = set()
        self._resting = False
        self.look_inside = False
        """Whether the next job is asked for what happens inside as well."""

    @property
    def job(self) -> Job | None:
        """The one that runs."""
        return self._begun[0] if self._begun else None

    # --- what the person does ---

    def add(self, entry: Entry, *, first: bool = False) -> None:
        """Puts a job behind those that wait, or before them."""
        self._ledger.add(entry, first=first)
        self.queue.put(entry, first=first)
        self._go_on()

    def restore(self, entries: Sequence[Entry]) -> None:
        """The queue as it was when the program ended: it rests until somebody says so."""
        restored = [replace(each, state="waiting") if each.state == "running" else each for each in entries]
        if any(each.state == "waiting" for each in restored):
            self.queue.held = True
        for entry in restored:
            self.queue.put(entry)
        self._show_progress()

    def stop(self) -> None:
        """Stops what runs before its next step; asked twice, ends the worker at once."""
        if (running := self.queue.running) is None:
            return
        if self.studio.stopping:
            self._bench.end_worker()
        self.studio.stopping = True
        self._bench.cancel(running.id)

    def stop_all(self) -> None:
        """Stops what runs and takes everything that waits off the queue."""
        self._drop([entry.id for entry in self.queue.waiting])
        if not self.studio.stopping:
            self.stop()

    def cancel(self, entry_id: str) -> None:
        """Stops this job, or takes it off the queue."""
        entry = self.queue.find(entry_id)
        if entry is not None and entry.state == "running":
            self.stop()
        elif entry is not None:
            self._drop([entry_id])

    def clear_failed(self) -> None:
        """Takes every job that failed off the queue."""
        self._drop([entry.id for entry in self.queue.failed])

    def retry(self, entry_id: str, change: Change = same) -> None:
        """Puts what is left of a failed job at the end of the queue, with this change."""
        entry = self.queue.find(entry_id)
        if entry is None or entry.state != "failed":
            return
        fresh = again(entry, change)
        self._ledger.replace(entry_id, fresh)
        self.queue.remove([entry_id])
        self.queue.put(fresh)
        self._go_on()

    def move(self, entry_id: str, place: int) -> None:
        """Puts a waiting job at this place among those that wait."""
        self.queue.move(entry_id, place)
        self._ledger.order([entry.id for entry in self.queue.waiting])

    def pause(self, paused: bool) -> None:
        """Finishes what runs and begins nothing else, or goes on."""
        self.queue.held = paused
        self._go_on()

    def rest(self) -> None:
        """The program ends: nothing else is begun, and what is left stays in the ledger."""
        self._resting = True

    # --- what the worker answers ---

    def take(self, event: Event) -> None:
        """Something happened to a request. What is not the running job's is let pass."""
        running = self.queue.running
        if running is None or running.id != event.request_id or self._begun is None:
            return
        if self._resting and isinstance(event, Cancelled) and not self.studio.stopping:
            return  # nobody stopped it: the program ends, and it waits in the ledger for the next start
        job, tracker = self._begun
        tracker.take(event)
        if isinstance(event, Finished | Cancelled | Failed):
            self._end(running, event)
            return
        preview = event.preview if isinstance(event, StepDone) and event.preview else running.preview
        self.queue.change(replace(running, progress=tracker.current, preview=preview))
        self.studio.progress = tracker.current
        self._show(event, job.request, running)

    def kept(self, made: Made, path: Path) -> None:
        """The picture is durable."""
        self._replace(replace(made, path=path, unsaved=False))
        entry_id = made.event.request_id
        if (entry := self.queue.find(entry_id)) is not None:
            self.queue.change(replace(entry, done=entry.done + 1))
            self._ledger.count_done(entry_id, entry.done + 1)
        self._unsaved[entry_id] -= 1
        self._forget_ended(entry_id)

    def not_kept(self, made: Made, error: MezzotintError) -> None:
        """The picture could not be saved; it is still here."""
        self._replace(replace(made, unsaved=True))
        self.studio.problem = Problem(error)

    def keep_unsaved(self) -> None:
        """Tries once more to save what could not be saved."""
        for made in self.studio.recent:
            if made.unsaved:
                self._bench.keep(made)

    def show_selected(self) -> None:
        """Lays the chosen picture in the middle, unless one is being made."""
        if self.queue.running is None:
            self._lay_selected()

    # --- parts ---

    def _go_on(self) -> None:
        """Begins the next job when nothing runs and nothing is in the way."""
        idle = self.queue.running is None and not self.queue.held and not self._resting
        if idle and self.queue.waiting:
            self._begin(self.queue.waiting[0])
        self._show_progress()

    def _begin(self, entry: Entry) -> None:
        job = replace(entry.rest, inside=self.look_inside)
        self._begun = job, Tracker(job.request)
        self.queue.change(replace(entry, state="running", progress=self._begun[1].current))
        self._ledger.begin(entry.id)
        self._bench.submit(job)

    def _end(self, running: Entry, event: Event) -> None:
        self.studio.stopping = False
        self._begun = None
        if isinstance(event, Failed):
            self._fail(running, event.error)
        else:
            self.queue.remove([running.id])
            self._ended.add(running.id)
            self._forget_ended(running.id)
        self._go_on()
        self.show_selected()

    def _fail(self, running: Entry, error: MezzotintError) -> None:
        if isinstance(error, WorkerDied):
            self.studio.engine = tr("Starts with the next picture")
        reason = f"{error.message} {error.action}"
        failed = replace(running, state="failed", reason=reason, error=error, progress=None)
        self.queue.change(failed)
        self._ledger.fail(running.id, error)
        self.studio.problem = Problem(error, running.job)

    def _forget_ended(self, entry_id: str) -> None:
        """A job is off the ledger only when its last picture is durable."""
        if entry_id in self._ended and self._unsaved[entry_id] <= 0:
            self._ended.discard(entry_id)
            del self._unsaved[entry_id]
            self._ledger.remove([entry_id])

    def _drop(self, entry_ids: list[str]) -> None:
        if entry_ids:
            self.queue.remove(entry_ids)
            self._ledger.remove(entry_ids)
            self._show_progress()

    def _show_progress(self) -> None:
        self.studio.waiting = len(self.queue.waiting)
        self.studio.progress = self._begun[1].current if self._begun else None

    def _show(self, event: Event, request: Request, entry: Entry) -> None:
        match event:
            case StageStarted():
                self._lay_plate(request)
            case StepDone() if event.preview is not None:
                self.studio.plate = Plate(event.preview, *request.picture_size, is_preview=True)
            case PictureReady():
                self._add(Made(request, event, start=entry.start, beside=entry.beside))
            case Notice():
                self.studio.notice = said(event.message)
            case _:
                pass

    def _lay_plate(self, request: Request) -> None:
        """An empty plate, unless a picture of that shape may lie there until the first preview."""
        plate, shape = self.studio.plate, request.picture_size
        if plate is None or not plate.is_preview or (plate.width, plate.height) != shape:
            self.studio.plate = Plate(None, *shape, is_preview=True)

    def _add(self, made: Made) -> None:
        self.studio.recent = _newest((made, *self.studio.recent))
        self.studio.selected = made
        self._lay_selected()
        self._unsaved[made.event.request_id] += 1
        self._bench.keep(made)

    def _replace(self, made: Made) -> None:
        old = self.studio.selected
        self.studio.recent = tuple(made if each.key == made.key else each for each in self.studio.recent)
        if old is not None and old.key == made.key:
            self.studio.selected = made

    def _lay_selected(self) -> None:
        made = self.studio.selected
        self.studio.plate = None if made is None else Plate(made.event.picture, *made.request.picture_size)


def _newest(pictures: tuple[Made, ...]) -> tuple[Made, ...]:
    """The newest, and every one that is nowhere but in memory."""
    return (*pictures[:_RECENT], *(made for made in pictures[_RECENT:] if made.path is None))

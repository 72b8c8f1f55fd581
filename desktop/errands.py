"""What the window's model asks of files and of the library, done elsewhere and answered in its thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal, Slot

from backends.core.contract import MezzotintError, UnreadablePicture
from desktop.library import jobs
from desktop.library.database import Library
from desktop.library.job_ledger import JobLedger
from desktop.library.jobs import QueuedJob
from desktop.library.reading import find_recorded, read_init_picture
from desktop.library.record import InitPicture, Inpainted, mask_of
from desktop.model.queue import Entry
from desktop.model.recipes import ForeignRecipe
from desktop.model.sentences import said
from desktop.model.start import StartPicture
from desktop.shelf import Shelf

T = TypeVar("T")
Failing = Callable[[MezzotintError], None]


class Errands(QObject):
    """Runs tasks one after the other in a thread of its own. It is the model's Reader."""

    _done = Signal(object, object, object)

    def __init__(self) -> None:
        super().__init__()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="errands")
        self._done.connect(self._answer, Qt.ConnectionType.QueuedConnection)

    def run(self, task: Callable[[], T], then: Callable[[T], None], failed: Failing) -> None:
        """Runs the task there, and here `then` with its result or `failed` with its MezzotintError."""
        self._thread.submit(task).add_done_callback(lambda done: self._done.emit(done, then, failed))

    def open_start(self, path: Path, then: Callable[[StartPicture], None], failed: Failing) -> None:
        """Reads a picture's file, to start from it."""
        self.run(partial(read_start, path), then, failed)

    def open_recipe(self, path: Path, then: Callable[[ForeignRecipe], None], failed: Failing) -> None:
        """Reads the recipe in a picture's file, whichever program wrote it."""
        self.run(partial(read_foreign, path), then, failed)

    def close(self) -> None:
        """Finishes what was asked for."""
        self._thread.shutdown(wait=True)

    @Slot(object, object, object)
    def _answer(self, done: Future[Any], then: Callable[[Any], None], failed: Failing) -> None:
        try:
            result = done.result()
        except MezzotintError as error:
            failed(error)
        else:
            then(result)


def read_start(path: Path) -> StartPicture:
    """The picture in this file, undecoded. Raises UnreadablePicture."""
    data, init = read_init_picture(path)
    return StartPicture(data, init.name, init.path)


def read_foreign(path: Path) -> ForeignRecipe:
    """The recipe in this file. Raises UnreadablePicture."""
    from desktop.library import foreign  # its parsers take time to import, and few starts need them

    found = foreign.read_recipe(path)
    init, extras = found.record.init_image, found.extras
    if init is None:
        return ForeignRecipe(found.record, found.program, extras)
    try:
        data, _ = find_recorded(init)
    except UnreadablePicture as error:
        return ForeignRecipe(found.record, found.program, (said(error.message), *extras))
    start = StartPicture(data, init.name, init.path)
    made = found.record.inpainting or Inpainted()
    return ForeignRecipe(
        found.record, found.program, extras, start, mask_of(found.record), made.feather, made.extend
    )


class ShelfLedger:
    """The model's Ledger, in the library."""

    def __init__(self, shelf: Shelf) -> None:
        self._jobs = JobLedger(lambda act: shelf.change(act, what="jobs"))

    def add(self, entry: Entry, *, first: bool) -> None:
        self._jobs.add(entry.job, to_init(entry.start), first=first)

    def begin(self, entry_id: str) -> None:
        self._jobs.begin(entry_id)

    def count_done(self, entry_id: str, done: int) -> None:
        self._jobs.count_done(entry_id, done)

    def fail(self, entry_id: str, error: MezzotintError) -> None:
        self._jobs.fail(entry_id, error)

    def replace(self, entry_id: str, entry: Entry) -> None:
        self._jobs.replace(entry_id, entry.job, to_init(entry.start))

    def remove(self, entry_ids: list[str]) -> None:
        self._jobs.remove(entry_ids)

    def order(self, entry_ids: list[str]) -> None:
        self._jobs.order(entry_ids)


def queue_of(library: Library) -> list[Entry]:
    """The queue as the program left it; jobs that can't be read any more are taken off."""
    jobs.resume_jobs(library)
    queue = jobs.all_jobs(library)
    for lost in (each for each in queue if each.job is None):
        jobs.remove_job(library, lost.id)
    return _entries(queue)


def _entries(queue: Sequence[QueuedJob]) -> list[Entry]:
    return [
        Entry(job=each.job, state=each.state, start=_start(each), done=each.done, reason=each.problem)
        for each in queue
        if each.job is not None
    ]


def _start(queued: QueuedJob) -> StartPicture | None:
    data = queued.job.request.init_image if queued.job else None
    if data is None:
        return None
    return StartPicture(data, queued.start.name, queued.start.path) if queued.start else StartPicture(data)


def to_init(start: StartPicture | None) -> InitPicture | None:
    """How a record names the start picture."""
    return start and InitPicture(name=start.name, path=start.path, sha256=start.sha256)

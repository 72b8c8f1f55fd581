"""What the window's model asks of files and of the library, done elsewhere and answered in its thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal, Slot

from backends.core.contract import Job, MezzotintError
from desktop.library import jobs
from desktop.library.brought import Brought
from desktop.library.database import Library
from desktop.library.job_ledger import JobLedger
from desktop.library.jobs import QueuedJob
from desktop.library.reading import read_init_picture, read_pose_file
from desktop.library.record import InitPicture
from desktop.model.guides import POSE_ENDING
from desktop.model.queue import Entry
from desktop.model.recipes import ForeignRecipe
from desktop.model.start import Beside, StartPicture, beside_of
from desktop.recalling import recall
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

    def open_guide(self, path: Path, then: Callable[[StartPicture], None], failed: Failing) -> None:
        """Reads a picture's file, or an OpenPose JSON file, to guide others."""
        self.run(partial(read_guide, path), then, failed)

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


def read_guide(path: Path) -> StartPicture:
    """The picture in this file, or the pose. Raises UnreadablePicture or InvalidRequest."""
    if path.suffix.lower() != POSE_ENDING:
        return read_start(path)
    data, init = read_pose_file(path)
    return StartPicture(data, init.name, init.path)


def read_foreign(path: Path) -> ForeignRecipe:
    """The recipe in this file. Raises UnreadablePicture."""
    from desktop.library import foreign  # its parsers take time to import, and few starts need them

    found = foreign.read_recipe(path)
    return recall(found.record, found.program, found.extras)


class ShelfLedger:
    """The model's Ledger, in the library."""

    def __init__(self, shelf: Shelf) -> None:
        self._jobs = JobLedger(lambda act: shelf.change(act, what="jobs"))

    def add(self, entry: Entry, *, first: bool) -> None:
        self._jobs.add(entry.job, to_brought(entry.start, entry.beside), first=first)

    def begin(self, entry_id: str) -> None:
        self._jobs.begin(entry_id)

    def count_done(self, entry_id: str, done: int) -> None:
        self._jobs.count_done(entry_id, done)

    def fail(self, entry_id: str, error: MezzotintError) -> None:
        self._jobs.fail(entry_id, error)

    def replace(self, entry_id: str, entry: Entry) -> None:
        self._jobs.replace(entry_id, entry.job, to_brought(entry.start, entry.beside))

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
    return [_entry(each, each.job) for each in queue if each.job is not None]


def _entry(queued: QueuedJob, job: Job) -> Entry:
    request, brought = job.request, queued.brought
    known = Beside(
        references=_pictures(request.references, brought.references),
        controls=_pictures([control.image for control in request.controls], brought.controls),
        depth_map=_picture(request.depth_map, brought.depth_map),
    )
    return Entry(
        job=job,
        state=queued.state,
        start=_picture(request.init_image, brought.start),
        beside=beside_of(request, known),
        done=queued.done,
        reason=queued.problem,
    )


def _picture(found: bytes | None, named: InitPicture | None) -> StartPicture | None:
    return _pictures([found], [named])[0] if found is not None else None


def _pictures(found: Sequence[bytes], named: Sequence[InitPicture | None]) -> tuple[StartPicture, ...]:
    """With their names, where those are written down."""
    return tuple(
        StartPicture(data, name.name, name.path) if name else StartPicture(data)
        for data, name in zip_longest(found, named[: len(found)])
    )


def to_init(picture: StartPicture) -> InitPicture:
    """How a record names a picture that somebody brought."""
    return InitPicture(name=picture.name, path=picture.path, sha256=picture.sha256)


def to_brought(start: StartPicture | None, beside: Beside) -> Brought:
    """How records and the queue name the pictures of a request."""
    return Brought(
        start=start and to_init(start),
        references=tuple(map(to_init, beside.references)),
        controls=tuple(map(to_init, beside.controls)),
        depth_map=beside.depth_map and to_init(beside.depth_map),
    )

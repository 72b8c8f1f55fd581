"""The library behind the window: one thread owns it, and what it finds becomes Qt signals."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from backends.core.contract import MezzotintError
from desktop.library import backups
from desktop.library.database import Library, database_path, open_library
from desktop.library.problems import LibraryProblem
from desktop.library.rebuild import rebuild_library
from desktop.library.restore import restore_library
from desktop.library.startup import put_right

T = TypeVar("T")

_CALM_MS = 700
"""The disk is the window's alone until it stands."""


class Shelf(QObject):
    """Calls on the library are made one after the other in its thread, and answered in the window's.

    Signals: `changed` ("pictures", "prompts" or "jobs"), `troubled` (MezzotintError), `told` (a
    sentence), `replaced` (by a rebuilt or restored library). A library that can't be opened says so
    once; until it is rebuilt or restored every call fails, and no `then` is called.
    """

    changed = Signal(str)
    troubled = Signal(object)
    told = Signal(str)
    replaced = Signal()

    _answered = Signal(object, object)

    def __init__(self, path: Path | None = None) -> None:
        super().__init__()
        self.path = path or database_path()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="library")
        self._library: Library | None = None
        self._problem: LibraryProblem | None = None
        self._upkeep: threading.Thread | None = None
        self._closing = threading.Event()
        self._began = datetime.now(UTC).isoformat(timespec="seconds")
        self._answered.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def open(self) -> None:
        """Opens the library; soon, beside it, makes the day's backup and adopts orphans."""
        self.ask(lambda _: None, lambda _: QTimer.singleShot(_CALM_MS, self, self._wish_upkeep))

    def ask(self, call: Callable[[Library], T], then: Callable[[T], None] | None = None) -> Future[T]:
        """Runs `call` in the library's thread, and `then` with its result in the window's.

        Once the shelf is closed nothing is done any more, and the future is cancelled.
        """
        if self._closing.is_set():
            closed: Future[T] = Future()
            closed.cancel()
            return closed
        future = self._thread.submit(self._run, call)
        future.add_done_callback(lambda done: self._answered.emit(done, then))
        return future

    def change(
        self, call: Callable[[Library], T], then: Callable[[T], None] | None = None, *, what: str = "pictures"
    ) -> Future[T]:
        """As `ask`, for a call that writes: `changed` follows."""

        def answer(result: T) -> None:
            if then is not None:
                then(result)
            self.changed.emit(what)

        return self.ask(call, answer)

    @property
    def has_backup(self) -> bool:
        """Whether there is a backup to go back to."""
        return bool(backups.all_backups(self.path))

    def rebuild(self) -> None:
        """Makes the database anew from the pictures."""
        self._replace(lambda: f"The library lists {rebuild_library(self.path).pictures} pictures again.")

    def restore(self) -> None:
        """Goes back to the newest backup that is sound."""
        self._replace(lambda: f"The library is as it was on {restore_library(self.path).day}.")

    def close(self) -> None:
        """Finishes what was asked for and closes the library. Nothing is answered any more."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._thread.submit(self._shut)
        self._thread.shutdown(wait=True)
        if self._upkeep is not None:
            self._upkeep.join()

    # --- in the library's thread ---

    def _run(self, call: Callable[[Library], T]) -> T:
        if self._problem is not None:
            raise self._problem
        if self._library is None:
            self._open()
        assert self._library is not None
        return call(self._library)

    def _open(self) -> None:
        try:
            self._library = open_library(self.path)
        except LibraryProblem as problem:
            self._problem = problem
            self.troubled.emit(problem)
            raise

    def _shut(self) -> None:
        if self._library is not None:
            self._library.close()
            self._library = None

    def _replace(self, replace: Callable[[], str]) -> None:
        future = self._thread.submit(self._swap, replace)
        future.add_done_callback(lambda done: self._answered.emit(done, self._replaced))

    def _swap(self, replace: Callable[[], str]) -> str:
        """Nobody may have the database open meanwhile."""
        if self._upkeep is not None:
            self._upkeep.join()
        self._shut()
        sentence = replace()
        self._problem = None
        return sentence

    def _wish_upkeep(self) -> None:
        self.ask(lambda _: self._begin_upkeep())  # there, so that nobody replaces the database meanwhile

    def _begin_upkeep(self) -> None:
        self._upkeep = threading.Thread(target=self._keep_up, name="library-upkeep")
        self._upkeep.start()

    def _keep_up(self) -> None:
        try:
            adopted = put_right(
                self.path, lambda: not self._closing.is_set(), self.troubled.emit, self._began
            )
        except MezzotintError as error:
            self.troubled.emit(error)
            return
        if adopted:
            self.changed.emit("pictures")

    # --- in the window's thread ---

    def _replaced(self, sentence: str) -> None:
        self.told.emit(sentence)
        self.replaced.emit()
        for what in ("pictures", "prompts", "jobs"):
            self.changed.emit(what)

    @Slot(object, object)
    def _deliver(self, done: Future[Any], then: Callable[[Any], None] | None) -> None:
        if self._closing.is_set() or done.cancelled():
            return
        error = done.exception()
        if error is None:
            if then is not None:
                then(done.result())
        elif isinstance(error, MezzotintError):
            if error is not self._problem:
                self.troubled.emit(error)
        else:
            raise error

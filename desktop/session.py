"""The only bridge: what other processes and threads do becomes Qt signals on the main thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from uuid import uuid4

from PySide6.QtCore import QCoreApplication, QObject, Qt, Signal, Slot

from backends.core.contract import Event, Job, MezzotintError, Picture, SaveFailed
from backends.core.worker_client import PIPELINE_ENGINE, Worker
from backends.core.worker_messages import Look, Looked, Weigh, Weighed, WorkerReady, WorkerStopped
from desktop.library.additions import search_folders
from desktop.model.extending import Sized, Weighing
from desktop.model.guides import Guide
from desktop.model.start import StartPicture
from desktop.model.studio import Made

Looking = Callable[[Picture, tuple[int, int]], None]
Failing = Callable[[MezzotintError], None]
_LOOK_SIDE = 512


class Session(QObject):
    """Runs the worker process and saves pictures in a thread. It is the model's Bench.

    Signals: `happened` (contract.Event), `ready` (WorkerReady), `stopped` (a sentence), `kept`
    (Made, Path), `not_kept` (Made, MezzotintError). `save` writes one picture durably and returns
    its path, or raises a MezzotintError. Late events of cancelled requests never get here.
    """

    happened = Signal(object)
    ready = Signal(object)
    stopped = Signal(str)
    kept = Signal(object, object)
    not_kept = Signal(object, object)

    _arrived = Signal()
    _saved = Signal(object, object)

    def __init__(self, save: Callable[[Made], Path], engine: str = PIPELINE_ENGINE) -> None:
        super().__init__()
        self._save = save
        self._saving = ThreadPoolExecutor(max_workers=1, thread_name_prefix="saving")
        self._arrived.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self._saved.connect(self._tell_saved, Qt.ConnectionType.QueuedConnection)
        self._looks: dict[str, tuple[Looking, Failing]] = {}
        self._weighings: dict[str, Callable[[Weighing | None], None]] = {}
        self._worker = Worker(engine, on_message=self._arrived.emit)

    def start(self) -> None:
        """Starts the worker, which warms up; `ready` says when it is."""
        self._worker.start()

    def submit(self, job: Job) -> None:
        """Sends a job to the worker, with the places where what its prompt names may be."""
        self._worker.submit(replace(job, search=search_folders()))

    def cancel(self, request_id: str) -> None:
        self._worker.cancel(request_id)

    def end_worker(self) -> None:
        self._worker.end_child()

    def restart_worker(self) -> None:
        """Ends the worker at once and starts it anew; `ready` says when it is."""
        self._worker.restart_child()

    def keep(self, made: Made) -> None:
        """Saves a picture, one after the other."""
        future = self._saving.submit(self._save, made)
        future.add_done_callback(partial(self._saved.emit, made))

    def look(self, picture: StartPicture, then: Looking, failed: Failing) -> None:
        """Has the worker read the picture: `then` gets it small, with its size, or `failed` the reason."""
        self._look(Look(uuid4().hex, picture.data, _LOOK_SIDE), then, failed)

    def look_prepared(self, guide: Guide, size: tuple[int, int], then: Looking, failed: Failing) -> None:
        """Has the worker make what the ControlNet is shown, and make it small."""
        data, search = guide.picture.data, search_folders() if guide.by else ()
        self._look(Look(uuid4().hex, data, _LOOK_SIDE, size, guide.prepare, guide.by, search), then, failed)

    def weigh(self, picture: Sized, then: Callable[[Weighing | None], None]) -> None:
        """Has the worker predict a picture's memory; None where nobody can say."""
        key = uuid4().hex
        self._weighings[key] = then
        self._worker.ask(Weigh(key, picture.folder, picture.backend, picture.size, picture.guided))

    def worker_memory(self) -> int | None:
        """Bytes of memory that the worker's process takes now."""
        import psutil  # here, so that the window is shown without it

        pid = self.worker_pid
        try:
            return None if pid is None else psutil.Process(pid).memory_info().rss
        except psutil.Error:
            return None

    def close(self) -> None:
        """Ends the worker, and waits until every finished picture is on disk."""
        self._worker.close()
        self._deliver()
        self._saving.shutdown(wait=True)
        QCoreApplication.sendPostedEvents(self)

    @property
    def worker_pid(self) -> int | None:
        """The worker's process id while it runs."""
        return self._worker.child_pid

    @Slot()
    def _deliver(self) -> None:
        while (message := self._worker.receive(timeout=0)) is not None:
            match message:
                case Event():
                    self.happened.emit(message)
                case WorkerReady():
                    self.ready.emit(message)
                case Looked():
                    self._tell_looked(message)
                case Weighed():
                    known = Weighing(message.verdict, message.need, message.free) if message.verdict else None
                    self._weighings.pop(message.key)(known)
                case WorkerStopped():
                    self.stopped.emit(message.reason)

    def _look(self, look: Look, then: Looking, failed: Failing) -> None:
        self._looks[look.key] = then, failed
        self._worker.ask(look)

    def _tell_looked(self, looked: Looked) -> None:
        then, failed = self._looks.pop(looked.key)
        if looked.picture is not None:
            then(looked.picture, (looked.width, looked.height))
        elif looked.problem is not None:
            failed(looked.problem)

    @Slot(object, object)
    def _tell_saved(self, made: Made, future: Future[Path]) -> None:
        try:
            self.kept.emit(made, future.result())
        except MezzotintError as error:
            self.not_kept.emit(made, error)
        except Exception as error:  # noqa: BLE001 - a defect while saving must not pass unseen
            sentence = f"The picture could not be saved ({type(error).__name__})."
            self.not_kept.emit(made, SaveFailed(sentence, "It is still here: save it again."))

"""The child process: jobs in, events out.

The parent (worker_client.Worker) starts `run_child`. One thread listens to the parent, so that a
cancel is heard while the pipeline works and the parent's end is noticed at once; the main thread
makes the pictures. Networks, weight files and foreign pictures are touched here and nowhere else.
"""

from __future__ import annotations

import importlib
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Generator
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from backends.core.contract import (
    Backend,
    Cancelled,
    Capabilities,
    Event,
    Failed,
    InternalError,
    Job,
    MezzotintError,
    OutOfMemory,
    Picture,
    Stage,
    StageFinished,
    Stages,
    StageStarted,
)
from backends.core.contract.preparing import Preparing
from backends.core.environment import be_offline, out_of_memory
from backends.core.worker_messages import (
    Begun,
    Cancel,
    FromChild,
    Look,
    Looked,
    Shutdown,
    Surveyed,
    ToChild,
    Weigh,
    Weighed,
    WorkerReady,
)

if TYPE_CHECKING:
    from backends.core.relay import Relay


class Engine(Protocol):
    """What makes pictures in the child. The real one is PipelineEngine; tests bring a fake.

    Created in the child, without arguments, before anything heavy is imported.
    """

    def warm_up(self) -> Capabilities | None:
        """Imports what the first job will need; the backend that "auto" means here."""
        ...

    def survey(self) -> tuple[Surveyed, ...]:
        """Every backend, the best first, and which can run here."""
        ...

    def make(self, job: Job) -> Generator[Event]:
        """A job's events, ending with Finished. Closing it stops the work; errors are raised."""
        ...

    def close(self) -> None:
        """Gives the memory back. The engine can be used again."""
        ...


class PipelineEngine:
    """The registry's backends and the one loop. Keeps the last opened networks for the next job."""

    def __init__(self) -> None:
        self._open: tuple[object, Stages] | None = None
        self._refiner: tuple[object, Relay] | None = None

    def warm_up(self) -> Capabilities | None:
        from backends.core import pipeline, registry, torch_stages

        del pipeline  # importing it is the point
        torch_stages.import_classes()
        return registry.get_backend().capabilities

    def survey(self) -> tuple[Surveyed, ...]:
        from backends.core import registry

        return tuple(Surveyed(each.capabilities, each.probe()) for each in registry.all_backends())

    def make(self, job: Job) -> Generator[Event]:
        from backends.core.pipeline import generate

        request_id, began = job.request.id, time.perf_counter()
        yield StageStarted(request_id, Stage.LOADING)
        yield from self._prepare(job)
        stages, relay = self._stages(job), self._relay(job)
        yield StageFinished(request_id, Stage.LOADING, time.perf_counter() - began)
        yield from generate(
            job.request, stages, previews=job.previews, inside=job.inside, search=job.search, relay=relay
        )

    def close(self) -> None:
        self._close_refiner()
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def _prepare(self, job: Job) -> Generator[Event]:
        """Where a backend gets models ready for a machine first (`prepare`), says so while it does."""
        from backends.core.registry import get_backend

        backend = get_backend(job.backend, job.model_folder)
        prepare = None if self._is_open(backend, job) else getattr(backend, "prepare", None)
        for at in prepare(job.model_folder, job.options) if prepare else ():
            yield Preparing(job.request.id, at)

    def _stages(self, job: Job) -> Stages:
        from backends.core.registry import get_backend

        backend = get_backend(job.backend, job.model_folder)
        if self._open is None or not self._is_open(backend, job):
            self.close()
            self._open = (_key(backend, job), backend.open(job.model_folder, job.options))
        return self._open[1]

    def _relay(self, job: Job) -> Relay | None:
        """The refiner's, kept while the jobs' models are the same."""
        from backends.core.registry import get_backend
        from backends.core.relay import Relay

        if job.refiner_folder is None:
            return self._close_refiner()
        backend = get_backend(job.backend, job.model_folder)
        key = _key(backend, replace(job, model_folder=job.refiner_folder))
        if self._refiner is None or self._refiner[0] != key:
            self._close_refiner()
            self._refiner = key, Relay(backend, job.refiner_folder, job.options)
        return self._refiner[1]

    def _close_refiner(self) -> None:
        if self._refiner is not None:
            self._refiner[1].close()
            self._refiner = None

    def _is_open(self, backend: Backend, job: Job) -> bool:
        return self._open is not None and self._open[0] == _key(backend, job)


def _key(backend: Backend, job: Job) -> object:
    """What decides which networks a job needs."""
    return backend.capabilities.id, job.model_folder, dict(job.options), _newest_change(job.model_folder)


def _newest_change(folder: Path) -> int:
    """Changes when a model is replaced by another under the same name."""
    return max((path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()), default=0)


def run_child(connection: Connection, engine_name: str) -> None:
    """The child's whole life. `engine_name` is "module:attribute", an Engine without arguments."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the parent's to handle
    be_offline()
    channel = Channel(connection)
    threading.Thread(target=channel.listen, daemon=True).start()
    module, _, attribute = engine_name.partition(":")
    make_engine = cast(Callable[[], Engine], getattr(importlib.import_module(module), attribute))
    engine = make_engine()
    channel.send(_warm_up(engine))
    while (job := channel.next_job()) is not None:
        serve(job, engine, channel)
    engine.close()
    os._exit(0)  # tearing the libraries down would take a second and give nothing back


def _warm_up(engine: Engine) -> WorkerReady:
    began, survey = time.perf_counter(), ()
    try:
        survey = engine.survey()
        backend = engine.warm_up()
    except Exception as error:  # noqa: BLE001 - said to the parent; a job will meet it again
        return WorkerReady(time.perf_counter() - began, problem=describe_failure(error), survey=survey)
    return WorkerReady(time.perf_counter() - began, backend, survey=survey)


def serve(job: Job, engine: Engine, channel: Channel) -> None:
    """Makes one job and sends everything that happens to it."""
    request_id = job.request.id
    channel.send(Begun(request_id))
    try:
        _forward(engine.make(job), request_id, channel)
    except Exception as error:  # noqa: BLE001 - whatever it is, the person waiting must hear of it
        failure = describe_failure(error)
        channel.send(Failed(request_id, failure))
        if isinstance(failure, OutOfMemory):
            engine.close()


def _forward(events: Generator[Event], request_id: str, channel: Channel) -> None:
    try:
        while not channel.is_cancelled(request_id):
            if (event := next(events, None)) is None:
                return
            channel.send(event)
    finally:
        events.close()
    channel.send(Cancelled(request_id))


def describe_failure(error: Exception) -> MezzotintError:
    """The typed error for anything that went wrong while making a picture."""
    if isinstance(error, MezzotintError):
        return error
    return out_of_memory(error) or InternalError(
        f"Something went wrong inside Mezzotint ({type(error).__name__}).",
        "Try again; if it happens again, report it with the technical report.",
        "".join(traceback.format_exception(error)),
    )


def look_at(look: Look) -> Looked:
    """Reads a picture that somebody brought, here and not in the window's process."""
    from backends.core.control_pictures import shown
    from backends.core.opening import open_picture
    from backends.core.shelf import Shelf

    try:
        depth_model = Shelf(look.search).depth_model(look.by) if look.by else None
        image = shown(look.data, look.way, look.cut, depth_model) if look.cut else open_picture(look.data)
    except Exception as error:  # noqa: BLE001 - whatever a strange file does, its owner must hear of it
        return Looked(look.key, problem=describe_failure(error))
    width, height = image.size
    image.thumbnail((look.side, look.side))
    small = Picture(image.width, image.height, image.tobytes())
    return Looked(look.key, small, width, height)


def weigh(asked: Weigh) -> Weighed:
    """Predicts a picture's memory. What goes wrong is met again, and told, when the picture is made."""
    try:
        from backends.core import weighing

        return weighing.weigh(asked)
    except Exception:  # noqa: BLE001 - no answer is an answer here
        return Weighed(asked.key)


class Channel:
    """The child's end of the pipe: jobs and cancels from the parent, messages to it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._change = threading.Condition()
        self._waiting: dict[str, Job] = {}
        self._cancelled: set[str] = set()
        self._stopping = False

    def send(self, message: FromChild) -> None:
        try:
            with self._sending:
                self._connection.send(message)
        except OSError:
            os._exit(0)  # nobody is listening any more

    def next_job(self) -> Job | None:
        """Waits for a job; None when the parent wants the child to end."""
        with self._change:
            self._change.wait_for(lambda: self._stopping or self._waiting)
            return None if self._stopping else self._waiting.pop(next(iter(self._waiting)))

    def is_cancelled(self, request_id: str) -> bool:
        return self._stopping or request_id in self._cancelled

    def listen(self) -> None:
        """Runs in a thread of its own. When the parent is gone, so is the child, whatever it is doing."""
        while True:
            try:
                message = cast(ToChild, self._connection.recv())
            except (EOFError, OSError):
                os._exit(0)
            self._take(message)

    def _take(self, message: ToChild) -> None:
        match message:
            case Job():
                self._queue(message)
            case Cancel():
                self._cancel(message.request_id)
            case Look():
                threading.Thread(target=lambda: self.send(look_at(message)), daemon=True).start()
            case Weigh():
                threading.Thread(target=lambda: self.send(weigh(message)), daemon=True).start()
            case Shutdown():
                with self._change:
                    self._stopping = True
                    self._change.notify_all()

    def _queue(self, job: Job) -> None:
        with self._change:
            self._cancelled.discard(job.request.id)
            self._waiting[job.request.id] = job
            self._change.notify_all()

    def _cancel(self, request_id: str) -> None:
        """A waiting job is answered here and now, even while the main thread warms up."""
        with self._change:
            waiting = self._waiting.pop(request_id, None)
            if waiting is None:
                self._cancelled.add(request_id)
        if waiting is not None:
            self.send(Cancelled(request_id))

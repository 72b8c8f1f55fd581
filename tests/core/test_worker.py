"""The worker, seen from its parent: jobs, cancels, errors, and every way to die."""

from __future__ import annotations

import io
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import TypeVar

import pytest
from PIL import Image

from backends.core.contract import (
    Cancelled,
    Event,
    Failed,
    Finished,
    InternalError,
    OutOfMemory,
    PictureReady,
    StageFinished,
    StepDone,
    UnreadablePicture,
    WorkerDied,
)
from backends.core.control_pictures import shown
from backends.core.worker_client import Worker
from backends.core.worker_messages import Look, Looked, WorkerReady, WorkerStopped
from tests.fakes import FAKE_BACKEND, FAKE_ENGINE, fake_job

T = TypeVar("T")
PATIENCE = 30.0


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker(FAKE_ENGINE)
    yield worker
    worker.close()


def events_of(worker: Worker, request_id: str) -> list[Event]:
    """Everything up to the request's end. Fails the test when it doesn't come."""
    events: list[Event] = []
    while not events or not isinstance(events[-1], Finished | Cancelled | Failed):
        message = worker.receive(PATIENCE)
        assert message is not None, "the worker went silent"
        if isinstance(message, Event) and message.request_id == request_id:
            events.append(message)
    return events


def wait_for(worker: Worker, kind: type[T]) -> T:
    while not isinstance(message := worker.receive(PATIENCE), kind):
        assert message is not None, f"no {kind.__name__} came"
    return message


def kill(worker: Worker) -> None:
    if pid := worker.child_pid:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_a_job_becomes_a_picture(worker: Worker) -> None:
    job = fake_job(count=2)
    worker.submit(job)
    events = events_of(worker, job.request.id)
    assert [e.seed for e in events if isinstance(e, PictureReady)] == [1, 2]
    assert isinstance(events[-1], Finished)


def test_jobs_are_done_in_order(worker: Worker) -> None:
    jobs = [fake_job() for _ in range(3)]
    for job in jobs:
        worker.submit(job)
    finished: list[str] = []
    while len(finished) < 3:
        finished.append(wait_for(worker, Finished).request_id)
    assert finished == [job.request.id for job in jobs]


def test_it_warms_up_and_says_so(worker: Worker) -> None:
    worker.start()
    assert wait_for(worker, WorkerReady).backend == FAKE_BACKEND


def test_starting_is_quick_without_torch(worker: Worker) -> None:
    started = time.monotonic()
    worker.start()
    wait_for(worker, WorkerReady)
    assert time.monotonic() - started < 5


def test_cancel_takes_effect_before_the_next_step(worker: Worker) -> None:
    job = fake_job("{step 0.2}", steps=50)
    worker.submit(job)
    wait_for(worker, StepDone)
    asked = time.monotonic()
    worker.cancel(job.request.id)
    assert events_of(worker, job.request.id) == [Cancelled(job.request.id)]
    assert time.monotonic() - asked < 0.2 + 0.5


def test_a_waiting_job_is_cancelled_at_once(worker: Worker) -> None:
    running, waiting = fake_job("{step 0.1}", steps=20), fake_job()
    worker.submit(running)
    worker.submit(waiting)
    wait_for(worker, StepDone)
    worker.cancel(waiting.request.id)
    assert events_of(worker, waiting.request.id) == [Cancelled(waiting.request.id)]
    assert isinstance(events_of(worker, running.request.id)[-1], Finished)


def test_late_events_of_a_cancelled_job_are_dropped(worker: Worker) -> None:
    job = fake_job()
    worker.submit(job)
    time.sleep(1.5)  # it is finished by now, and nobody has listened
    worker.cancel(job.request.id)
    assert events_of(worker, job.request.id) == [Cancelled(job.request.id)]


def test_cancelling_what_is_over_does_nothing(worker: Worker) -> None:
    job = fake_job()
    worker.submit(job)
    events_of(worker, job.request.id)
    worker.cancel(job.request.id)
    worker.cancel("unknown")
    worker.submit(job)
    assert isinstance(events_of(worker, job.request.id)[-1], Finished)


def test_a_request_can_not_be_with_it_twice(worker: Worker) -> None:
    job = fake_job()
    worker.submit(job)
    with pytest.raises(ValueError, match="already"):
        worker.submit(job)


def test_typed_errors_arrive_as_they_are(worker: Worker) -> None:
    job = fake_job("{oom}")
    worker.submit(job)
    failed = events_of(worker, job.request.id)[-1]
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, OutOfMemory)
    assert failed.error.action == "Use 64 x 64."


def test_a_defect_becomes_an_internal_error_with_a_report(worker: Worker) -> None:
    job = fake_job("{bug}")
    worker.submit(job)
    failed = events_of(worker, job.request.id)[-1]
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, InternalError)
    assert "ZeroDivisionError: a defect" in failed.error.report


@pytest.mark.parametrize(("prompt", "word"), [("{die 3}", "memory"), ("{crash}", "SIGSEGV")])
def test_death_is_a_typed_error_and_the_next_job_works(worker: Worker, prompt: str, word: str) -> None:
    dead, alive = fake_job(prompt), fake_job()
    worker.submit(dead)
    worker.submit(alive)
    failed = events_of(worker, dead.request.id)[-1]
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, WorkerDied)
    assert word in failed.error.message
    assert isinstance(events_of(worker, alive.request.id)[-1], Finished)


def test_death_while_idle_is_told_and_costs_no_job(worker: Worker) -> None:
    worker.start()
    wait_for(worker, WorkerReady)
    kill(worker)
    job = fake_job()
    worker.submit(job)
    assert isinstance(events_of(worker, job.request.id)[-1], Finished)
    kill(worker)
    assert "memory" in wait_for(worker, WorkerStopped).reason


def test_death_after_cancel_is_a_cancel(worker: Worker) -> None:
    job = fake_job("{step 5}")
    worker.submit(job)
    time.sleep(1)
    worker.cancel(job.request.id)
    worker.end_child()
    assert events_of(worker, job.request.id)[-1] == Cancelled(job.request.id)


def test_an_engine_that_can_not_start_fails_the_job() -> None:
    worker = Worker("tests.fakes:Missing")
    job = fake_job()
    worker.submit(job)
    failed = events_of(worker, job.request.id)[-1]
    worker.close()
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, WorkerDied)


def test_a_large_job_does_not_block_the_caller(worker: Worker) -> None:
    job = fake_job("x" * 10_000)
    began = time.monotonic()
    for _ in range(200):
        worker.submit(fake_job("y" * 10_000, steps=1))
    worker.submit(job)
    assert time.monotonic() - began < 1
    assert isinstance(events_of(worker, job.request.id)[-1], Finished)


def test_close_ends_the_child_even_in_mid_step() -> None:
    worker = Worker(FAKE_ENGINE)
    worker.submit(fake_job("{step 60}"))
    wait_for(worker, StageFinished)
    pid = worker.child_pid
    assert pid is not None
    worker.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    while worker.receive(PATIENCE) is not None:
        pass
    assert worker.receive() is None


def test_killed_at_random_moments_the_parent_goes_on(worker: Worker) -> None:
    """Each time: the finished picture or a typed error, and the next request works."""
    dice = random.Random(20)
    before = _open_files()
    for _ in range(14):
        job = fake_job("{step 0.01} {big}", steps=20, side=512)
        worker.submit(job)
        time.sleep(dice.uniform(0, 0.7))
        kill(worker)
        last = events_of(worker, job.request.id)[-1]
        assert isinstance(last, Finished) or (isinstance(last, Failed) and isinstance(last.error, WorkerDied))
        after = fake_job(steps=1)
        worker.submit(after)
        assert isinstance(events_of(worker, after.request.id)[-1], Finished)
    assert _open_files() <= before + 6
    assert _zombies() == 0


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0


def _zombies() -> int:
    import psutil

    return sum(child.status() == psutil.STATUS_ZOMBIE for child in psutil.Process().children())


def test_it_shows_what_a_controlnet_is_shown(worker: Worker) -> None:
    picture, buffer = Image.new("RGB", (96, 64), "teal"), io.BytesIO()
    picture.paste("white", (30, 20, 60, 50))
    picture.save(buffer, "PNG")
    worker.ask(Look("edges", buffer.getvalue(), 512, (64, 64), "canny"))
    looked = wait_for(worker, Looked)
    wanted = shown(buffer.getvalue(), "canny", (64, 64))
    assert looked.picture is not None
    assert 0 < sum(looked.picture.rgb) < 255 * 3 * 64 * 64 / 2
    assert (looked.width, looked.height, looked.picture.rgb) == (64, 64, wanted.tobytes())
    worker.ask(Look("torn", buffer.getvalue()[:90], 512, (64, 64), "canny"))
    assert isinstance(wait_for(worker, Looked).problem, UnreadablePicture)

"""The real engine in a real child: the small random model makes a picture, stops, and fails with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from backends.core.contract import (
    BrokenModel,
    Cancelled,
    Event,
    Failed,
    Finished,
    Job,
    PictureReady,
    Refiner,
    Request,
    Stage,
    StageFinished,
    StepDone,
)
from backends.core.worker_client import Worker
from backends.core.worker_messages import WorkerReady
from tests.tiny_models import EPSILON, make_tiny_refiner, make_tiny_sdxl

PATIENCE = 120.0


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """Warm: importing torch takes seconds."""
    worker = Worker()
    worker.start()
    ready = worker.receive(PATIENCE)
    assert isinstance(ready, WorkerReady)
    assert ready.backend is not None
    yield worker
    worker.close()


@pytest.fixture
def job(tiny_model: Path) -> Job:
    request = Request(
        prompt="a cat", width=64, height=64, steps=4, guidance_scale=5.0, sampler="euler", seed=7
    )
    return Job(request=request, model_folder=tiny_model)


def again(job: Job, **changes: int) -> Job:
    return replace(job, request=replace(job.request, id=uuid4().hex, **changes))


def events_of(worker: Worker) -> list[Event]:
    events: list[Event] = []
    while not events or not isinstance(events[-1], Finished | Cancelled | Failed):
        message = worker.receive(PATIENCE)
        assert isinstance(message, Event)
        events.append(message)
    return events


def test_a_picture_the_same_twice_and_the_model_is_opened_once(worker: Worker, job: Job) -> None:
    pictures, loading = [], []
    for each in (job, again(job)):
        worker.submit(each)
        events = events_of(worker)
        pictures += [event.picture for event in events if isinstance(event, PictureReady)]
        loading += [e.seconds for e in events if isinstance(e, StageFinished) and e.stage is Stage.LOADING]
        assert [event.step for event in events if isinstance(event, StepDone)] == [1, 2, 3, 4]
    assert pictures[0] == pictures[1]
    assert loading[1] < loading[0] / 5


def test_a_refiner_is_opened_once_for_several_jobs(
    worker: Worker, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("pair")
    base = make_tiny_sdxl(place / "base", EPSILON)
    refiner = make_tiny_refiner(place / "refiner", EPSILON)
    request = Request(
        prompt="a cat", width=64, height=64, steps=4, guidance_scale=5.0, sampler="euler", seed=7,
        refiner=Refiner(model="refiner", switch=0.5),
    )  # fmt: skip
    first = Job(request=request, model_folder=base, refiner_folder=refiner)
    pictures, opening = [], []
    for each in (first, again(first)):
        worker.submit(each)
        events = events_of(worker)
        pictures += [event.picture for event in events if isinstance(event, PictureReady)]
        opening.append(
            [e for e in events if isinstance(e, StageFinished) and e.stage is Stage.OPENING_REFINER]
        )
    assert pictures[0] == pictures[1]
    assert len(opening[0]) == 1


def test_cancel_skips_the_picture(worker: Worker, job: Job) -> None:
    long = again(job, steps=500)
    worker.submit(long)
    while not isinstance(worker.receive(PATIENCE), StepDone):
        pass
    worker.cancel(long.request.id)
    assert events_of(worker) == [Cancelled(long.request.id)]


def test_a_broken_model_says_so_and_the_worker_goes_on(worker: Worker, job: Job, tmp_path: Path) -> None:
    worker.submit(replace(again(job), model_folder=tmp_path))
    failed = events_of(worker)[-1]
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, BrokenModel)
    worker.submit(again(job))
    assert isinstance(events_of(worker)[-1], Finished)

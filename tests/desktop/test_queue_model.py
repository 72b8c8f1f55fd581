"""The queue's rules, without a window or a worker."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from backends.core.contract import (
    Cancelled,
    Event,
    Failed,
    Finished,
    OutOfMemory,
    PictureReady,
    StepDone,
    WorkerDied,
)
from desktop.library.brought import Brought
from desktop.library.database import Library
from desktop.library.job_ledger import JobLedger
from desktop.library.jobs import all_jobs, resume_jobs
from desktop.library.record import InitPicture
from desktop.model.make import Make
from desktop.model.problem import Remedy
from desktop.model.queue import Entry
from tests.desktop.still import MODELS, StillBench, ToldLedger
from tests.fakes import fake_job, square
from tests.library.conftest import home, library  # noqa: F401  fixtures


class Room:
    """A Make whose worker is played by the test."""

    def __init__(self) -> None:
        self.bench, self.ledger = StillBench(), ToldLedger()
        self.make = Make(self.bench, MODELS, ledger=self.ledger)
        self.queue, self.work = self.make.queue, self.make.work

    def generate(self, prompt: str, *, first: bool = False, count: int = 1) -> None:
        self.make.form.prompt, self.make.form.count = prompt, count
        self.make.generate(first=first)

    def prompts(self) -> list[str]:
        return [entry.job.request.prompt for entry in self.queue.entries]

    @property
    def sent(self) -> list[str]:
        return [job.request.prompt for job in self.bench.jobs]

    @property
    def current(self) -> str:
        return self.bench.jobs[-1].request.id

    def say(self, *events: Event) -> None:
        for event in events:
            self.make.take(event)

    def picture(self, index: int = 0) -> PictureReady:
        request = self.bench.jobs[-1].request
        ready = square(64, 64, index)
        return PictureReady(request.id, index, request.seed + index, ready, {}, {})

    def save(self, index: int = 0) -> None:
        made = next(each for each in self.bench.kept if each.event.picture_index == index)
        self.make.kept(made, Path(f"{index}.png"))


@pytest.fixture
def room() -> Room:
    return Room()


def test_one_job_at_a_time_in_order(room: Room) -> None:
    for prompt in ("a", "b", "c"):
        room.generate(prompt)
    assert room.sent == ["a"]
    assert room.make.studio.waiting == 2
    room.say(Finished(room.current))
    room.say(Finished(room.current))
    assert room.sent == ["a", "b", "c"]
    assert room.make.studio.waiting == 0


def test_the_front_of_the_queue(room: Room) -> None:
    for prompt in ("a", "b"):
        room.generate(prompt)
    room.generate("urgent", first=True)
    assert room.prompts() == ["a", "urgent", "b"]
    assert room.ledger.told[-1] == ("add", True)


def test_reordering(room: Room) -> None:
    for prompt in ("a", "b", "c", "d"):
        room.generate(prompt)
    room.work.move(room.queue.waiting[2].id, 0)
    assert room.prompts() == ["a", "d", "b", "c"]
    assert room.ledger.told[-1] == ("order", [entry.id for entry in room.queue.waiting])
    room.work.move(room.queue.waiting[0].id, 99)
    assert room.prompts() == ["a", "b", "c", "d"]


def test_pausing_finishes_what_runs(room: Room) -> None:
    room.generate("a")
    room.generate("b")
    room.work.pause(True)
    room.say(Finished(room.current))
    assert room.sent == ["a"]
    room.work.pause(False)
    assert room.sent == ["a", "b"]


def test_cancelling_one_that_waits_and_the_one_that_runs(room: Room) -> None:
    for prompt in ("a", "b", "c"):
        room.generate(prompt)
    room.work.cancel(room.queue.waiting[0].id)
    assert room.prompts() == ["a", "c"]
    room.work.cancel(room.current)
    assert room.bench.cancelled == [room.current]
    room.say(Cancelled(room.current))
    assert room.sent == ["a", "c"]


def test_cancelling_all(room: Room) -> None:
    for prompt in ("a", "b", "c"):
        room.generate(prompt)
    room.make.stop_all()
    assert room.prompts() == ["a"]
    room.say(Cancelled(room.current))
    assert room.queue.entries == ()
    assert room.bench.ended == 0


def test_a_failed_job_stays_with_its_reason_and_the_rest_goes_on(room: Room) -> None:
    room.generate("bad")
    room.generate("good")
    bad = room.current
    room.say(Failed(bad, OutOfMemory("Too large.", "Use 64 x 64.")))
    assert room.sent == ["bad", "good"]
    assert room.queue.failed[0].reason == "Too large. Use 64 x 64."
    room.work.retry(bad)
    assert [entry.state for entry in room.queue.entries] == ["running", "waiting"]
    assert room.ledger.told[-1] == ("replace", (bad, room.queue.waiting[0].id))
    room.say(Finished(room.current))
    assert room.sent == ["bad", "good", "bad"]


def test_a_remedy_tries_the_failed_job_again(room: Room) -> None:
    room.generate("bad")
    room.make.form.use_size(512, 512)
    room.say(Failed(room.current, OutOfMemory("Too large.", "Use 128 x 128.")))
    room.make.remedy(Remedy.USE_SIZE)
    assert room.queue.failed == ()
    assert room.bench.jobs[-1].request.width == 128
    assert room.make.form.width == 128


def test_only_the_pictures_still_missing_are_made_again(room: Room) -> None:
    room.generate("many", count=4)
    seed = room.bench.jobs[0].request.seed
    room.say(room.picture(0), room.picture(1))
    room.save(0)
    room.save(1)
    assert room.queue.running is not None
    assert room.queue.running.done == 2
    room.say(Failed(room.current, WorkerDied("Gone.", "Again.")))
    room.work.retry(room.current)
    rest = room.bench.jobs[-1].request
    assert (rest.count, rest.seed) == (2, seed + 2)
    assert room.ledger.told[1:4] == [("begin", room.bench.jobs[0].request.id), ("done", 1), ("done", 2)]


def test_a_job_leaves_the_ledger_only_when_its_picture_is_durable(room: Room) -> None:
    room.generate("a")
    room.say(room.picture(), Finished(room.current))
    assert room.queue.entries == ()
    assert "remove" not in room.ledger.words()
    room.save()
    assert room.ledger.told[-1] == ("remove", [room.current])


def test_what_is_left_from_last_time_rests_until_asked(room: Room) -> None:
    begun = Entry(job=fake_job("begun", count=3), state="running", done=1)
    failed = Entry(job=fake_job("failed"), state="failed", reason="Why.")
    room.work.restore([begun, Entry(job=fake_job("next")), failed])
    assert room.sent == []
    assert room.queue.held
    room.work.pause(False)
    assert room.sent == ["begun"]
    assert room.bench.jobs[0].request.count == 2
    assert room.queue.failed[0].reason == "Why."


def test_late_events_and_those_of_others_change_nothing(room: Room) -> None:
    room.generate("a")
    first = room.current
    room.say(Finished(first), StepDone(first, 1, 5, 0.1), Finished("somebody else's"))
    assert room.make.studio.progress is None


def test_clearing_the_failed_ones(room: Room) -> None:
    room.generate("bad")
    room.say(Failed(room.current, WorkerDied("Gone.", "Again.")))
    room.work.clear_failed()
    assert room.queue.entries == ()


def test_the_ledger_in_the_database(library: Library) -> None:  # noqa: F811
    ledger = JobLedger(lambda act: act(library))
    start = InitPicture(name="cat.png", path="~/cat.png", sha256="0" * 64)
    one, two, three = (fake_job(prompt) for prompt in ("one", "two", "three"))
    one = replace(one, request=replace(one.request, init_image=b"\x89PNG"))
    ledger.add(one, Brought(start=start), first=False)
    ledger.add(two, Brought(), first=False)
    ledger.add(three, Brought(), first=True)
    ledger.order([one.request.id, three.request.id, two.request.id])
    ledger.begin(two.request.id)
    ledger.count_done(two.request.id, 1)
    ledger.fail(three.request.id, OutOfMemory("Too large.", "Use less."))
    ledger.begin("not there")
    resume_jobs(library)
    queue = all_jobs(library)
    jobs = [each.job for each in queue if each.job]
    assert [job.request.prompt for job in jobs] == ["two", "one", "three"]
    assert [each.done for each in queue] == [1, 0, 0]
    assert (queue[1].brought.start, jobs[1].request.init_image) == (start, b"\x89PNG")
    again = fake_job("again")
    ledger.replace(three.request.id, again, Brought())
    ledger.remove([one.request.id, two.request.id])
    assert [each.job.request.prompt for each in all_jobs(library) if each.job] == ["again"]

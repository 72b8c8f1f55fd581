"""Inside without a widget: what is gathered, what is shown, what is kept; and the pictures made of it."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from backends.core.contract import (
    Cancelled,
    Event,
    Finished,
    Picture,
    Stage,
    StageFinished,
    StageStarted,
    StepSeen,
)
from desktop.model import inside as module
from desktop.model.inside import Heat, Inside, Record
from desktop.model.inside_pictures import film, sheet, warmed
from desktop.model.make import Make
from tests import fake_inside
from tests.desktop.still import MODELS, StillBench
from tests.fakes import fake_job


class Room:
    """The model's part of a window whose worker is the test."""

    def __init__(self) -> None:
        self.bench = StillBench()
        self.make = Make(self.bench, MODELS)
        self.inside = Inside(self.make)
        self.looking = self.inside.looking

    def say(self, *events: Event) -> None:
        for event in events:
            self.make.take(event)
            self.inside.take(event)

    def make_one(self, prompt: str = "a fox in snow", *, looked: bool = True) -> None:
        self.inside.open(looked)
        self.make.form.prompt = prompt
        self.make.generate()
        events = fake_inside.whole_run(self.bench.jobs[-1].request)
        plain = (event for event in events if looked or not isinstance(event, StepSeen))
        self.say(*plain)


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
def record(room: Room) -> Record:
    room.make_one()
    assert room.looking.record is not None
    return room.looking.record


def test_jobs_ask_for_it_only_while_it_is_open(room: Room) -> None:
    for is_open in (False, True, False):
        room.make_one(looked=is_open)
        assert room.bench.jobs[-1].inside is is_open


def test_the_flag_does_not_decide_the_picture(room: Room) -> None:
    room.make_one(looked=True)
    job = room.bench.jobs[-1]
    assert replace(job, inside=False).request == job.request
    assert not hasattr(job.request, "inside")


def test_a_record_holds_the_whole_way(record: Record) -> None:
    assert record.tokens == ("a", "fox", "in", "snow")
    assert record.noise is not None
    assert [step.step for step in record.steps] == [1, 2, 3, 4, 5]
    assert record.latents is not None
    assert record.picture is not None
    assert set(record.seconds) == {
        Stage.LOADING, Stage.READING_PROMPT, Stage.DENOISING, Stage.DEVELOPING,
    }  # fmt: skip
    assert record.ended


def test_it_follows_the_work_until_somebody_scrubs(room: Room) -> None:
    room.inside.open(True)
    room.make.generate()
    request = room.bench.jobs[-1].request
    room.say(StageStarted(request.id, Stage.LOADING))
    for number in (1, 2, 3):
        room.say(fake_inside.step(request, 0, number))
    assert room.looking.step == 2
    room.inside.show_step(0)
    room.say(fake_inside.step(request, 0, 4))
    assert room.looking.step == 0
    room.inside.show_step(99)
    room.say(fake_inside.step(request, 0, 5))
    assert room.looking.step == 4


def test_a_picture_that_nobody_looked_into_has_no_record(room: Room) -> None:
    room.make_one(looked=True)
    first = room.make.studio.recent[0]
    room.make_one(looked=False)
    assert room.looking.record is None
    room.make.select(first)
    assert room.looking.record is not None
    assert room.looking.record.key == first.key


def test_pictures_of_one_request_have_records_of_their_own(room: Room) -> None:
    room.inside.open(True)
    room.make.form.count = 2
    room.make.generate()
    request = room.bench.jobs[-1].request
    room.say(
        StageStarted(request.id, Stage.READING_PROMPT),
        fake_inside.text(request),
        StageFinished(request.id, Stage.READING_PROMPT, 0.1),
    )
    for index in (0, 1):
        room.say(StageStarted(request.id, Stage.DENOISING, index), fake_inside.step(request, index, 1))
        room.say(StageFinished(request.id, Stage.DENOISING, 1.0 + index, index))
    second = room.looking.record
    assert second is not None
    assert (second.index, second.seed, len(second.steps)) == (1, request.seed + 1, 1)
    assert second.tokens
    assert second.seconds == {Stage.READING_PROMPT: 0.1, Stage.DENOISING: 2.0}


def test_what_was_seen_stays_when_the_work_is_stopped(room: Room) -> None:
    room.inside.open(True)
    room.make.generate()
    request = room.bench.jobs[-1].request
    room.say(StageStarted(request.id, Stage.LOADING), fake_inside.step(request, 0, 1), Cancelled(request.id))
    assert room.looking.record is not None
    assert room.looking.record.ended
    assert len(room.looking.record.steps) == 1


def test_what_belongs_to_others_is_let_pass(room: Room, record: Record) -> None:
    other = fake_job().request
    room.say(fake_inside.step(other, 0, 1), Finished(other.id))
    assert room.looking.record is record


def test_memory_is_bounded_and_the_oldest_goes(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    room.make_one("first")
    assert room.looking.record is not None
    monkeypatch.setattr(module, "KEPT_BYTES", 2 * room.looking.record.bytes)
    for prompt in ("second", "third"):
        room.make_one(prompt)
    shown: list[str | None] = []
    for made in reversed(room.make.studio.recent):
        room.make.select(made)
        shown.append(room.looking.record and room.looking.record.request.prompt)
    assert shown == [None, "second", "third"]


def test_a_thousand_steps_are_counted_in_full() -> None:
    large = Picture(64, 64, bytes(3 * 64 * 64))
    step = StepSeen("id", 0, 1, 0.5, large, large, large, large)
    record = Record(request=fake_job().request, steps=(step,) * 1000)
    assert record.bytes == 4 * 1000 * 12_288 < module.KEPT_BYTES


def test_heat_runs_from_nothing_to_one(record: Record) -> None:
    heat = record.heat(1)
    assert heat is not None
    assert (min(heat.values), max(heat.values)) == (0.0, 1.0)
    hottest = heat.values.index(1.0)
    assert (hottest % heat.width, hottest // heat.width) == (5, 3)
    assert record.heat(4) is None
    assert replace(record, words=None).heat(1) is None


def test_the_picture_is_lit_where_the_word_mattered() -> None:
    grey = Picture(8, 8, bytes([100] * 192))
    lit = Image.frombytes("RGB", (8, 8), warmed(grey, Heat(2, 1, (0.0, 1.0))).rgb)
    (dark, bright) = (lit.getpixel((0, 4)), lit.getpixel((7, 4)))
    assert isinstance(dark, tuple)
    assert isinstance(bright, tuple)
    assert sum(dark) < 150 < 300 < sum(bright)
    flat = warmed(grey, Heat(1, 1, (0.0,)))
    assert (flat.width, flat.height) == (8, 8)


def test_the_film_has_every_step_and_the_picture(record: Record) -> None:
    with Image.open(io.BytesIO(film(record, side=32))) as moving:
        assert moving.format == "WEBP"
        assert getattr(moving, "n_frames", 1) == 6
        assert moving.size == (72, 32)


def test_a_long_film_is_thinned_evenly(record: Record) -> None:
    request = replace(record.request, steps=500)
    steps = tuple(replace(record.steps[0], step=number, latents=_shade(number)) for number in range(1, 501))
    with Image.open(io.BytesIO(film(Record(request=request, steps=steps), side=8))) as moving:
        assert 190 <= getattr(moving, "n_frames", 1) <= 200


def test_the_sheet_has_every_step_in_rows(record: Record) -> None:
    with Image.open(io.BytesIO(sheet(record))) as still:
        assert still.format == "PNG"
        assert still.width == 6 * 136 + 8
    many = replace(record, steps=record.steps * 4)
    with Image.open(io.BytesIO(sheet(many))) as still:
        assert still.size == (8 * 136 + 8, 3 * (16 + 256 + 2 + 8) + 8)


def test_an_export_is_written_whole_and_replaces_nothing(record: Record, tmp_path: Path) -> None:
    from desktop.view.inside.export import suggested_stem, write

    assert suggested_stem(record) == f"{record.seed}-a-fox-in-snow-steps"
    first = write(record, tmp_path / "strip.png", ".png")
    second = write(record, tmp_path / "strip", ".png")
    assert [path.name for path in (first, second)] == ["strip.png", "strip-2.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["strip-2.png", "strip.png"]
    with Image.open(first) as picture:
        picture.load()


def _shade(number: int) -> Picture:
    return Picture(1, 1, bytes([number * 97 % 256, number * 53 % 256, 0]))

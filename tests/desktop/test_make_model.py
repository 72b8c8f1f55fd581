"""The window's state without a window: form, progress, problems."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from backends.core.contract import (
    Defaults,
    InternalError,
    InvalidRequest,
    OutOfMemory,
    Request,
    SaveFailed,
    Stage,
    StageStarted,
    StepDone,
    WorkerDied,
)
from backends.core.contract.preparing import Preparation, Preparing
from desktop.model.form import Form, ModelChoice, sides_for
from desktop.model.problem import Problem, Remedy
from desktop.model.progress import Tracker, in_words
from tests.fakes import fake_job


def test_an_unlocked_seed_is_new_each_time_and_shown() -> None:
    form = Form()
    seeds = set[int]()
    for _ in range(3):
        seeds.add(form.next_request().seed)
        assert form.seed in seeds
    assert len(seeds) == 3


def test_a_chosen_seed_stays() -> None:
    form = Form()
    form.choose_seed(2**62)
    assert [form.next_request().seed for _ in range(2)] == [2**62, 2**62]


def test_two_requests_of_one_form_differ_in_id() -> None:
    form = Form(seed_locked=True)
    first, second = form.next_request(), form.next_request()
    assert first == second
    assert first.id != second.id


def test_a_value_that_can_not_be_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        Form(width=100).next_request()


def test_repeating_gives_the_same_request() -> None:
    request = Form(prompt="a fox", negative_prompt="rain", width=192, seed=5, count=3).next_request()
    form = Form()
    form.fill_from(request, request.seed + 2)
    repeated = form.next_request()
    assert (repeated.prompt, repeated.negative_prompt, repeated.width) == ("a fox", "rain", 192)
    assert (repeated.seed, repeated.count) == (request.seed + 2, 1)


def test_a_model_brings_its_defaults() -> None:
    defaults = Defaults(width=512, height=768, steps=8, guidance_scale=2.0, sampler="lcm")
    form = Form()
    form.use_model(ModelChoice(name="m", title="M", folder=Path("m"), defaults=defaults))
    assert (form.model, form.width, form.height, form.steps, form.sampler) == ("m", 512, 768, 8, "lcm")


@pytest.mark.parametrize(
    ("ratio", "area", "sides"),
    [((1, 1), 128**2, (128, 128)), ((3, 2), 128**2, (160, 104)), ((3, 2), 512**2, (640, 448))],
)
def test_aspects_keep_the_area(ratio: tuple[int, int], area: int, sides: tuple[int, int]) -> None:
    assert sides_for(*ratio, area) == sides


def request_of(count: int) -> Request:
    return fake_job(steps=10, count=count).request


def test_progress_counts_all_pictures() -> None:
    tracker = Tracker(request_of(count=2))
    tracker.take(StageStarted("x", Stage.READING_PROMPT))
    assert tracker.current.headline == "Reading the prompt"
    assert tracker.current.seconds_left is None
    tracker.take(StepDone("x", 5, 10, 2.0, 1))
    assert tracker.current.headline == "Picture 2 of 2: Denoising 5 of 10"
    assert tracker.current.fraction == 0.75
    assert tracker.current.seconds_left == 10.0


def test_one_slow_step_does_not_spoil_the_estimate() -> None:
    tracker = Tracker(request_of(count=1))
    for step, seconds in enumerate((9.0, 1.0, 1.0, 1.0, 1.0), start=1):
        tracker.take(StepDone("x", step, 10, seconds))
    assert tracker.current.seconds_left == 5.0


def test_making_a_model_ready_says_how_long_and_how_long_usually() -> None:
    at = Preparation(place="neural-engine", part="unet", number=4, of=4, seconds=65.0, typical=150.0)
    tracker = Tracker(request_of(count=1))
    tracker.take(Preparing("x", at))
    assert tracker.current.headline == "Preparing for the Neural Engine, 1 min 5 s"
    assert tracker.current.seconds_left == 85.0
    tracker.take(Preparing("x", replace(at, seconds=190.0)))
    assert tracker.current.headline == "Preparing, 3 min 10 s; usually 2 min 30 s"
    tracker.take(Preparing("x", replace(at, typical=None)))
    assert tracker.current.fraction == 0.75


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (59.4, "59 s"), (60, "1 min"), (125, "2 min 5 s"), (4210, "1 h 10 min")],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_problems_end_in_something_to_do() -> None:
    job = fake_job(side=512)
    memory = Problem(OutOfMemory("Too large.", "Use 384 x 256, or close other programs."), job)
    assert memory.remedies[0] == (Remedy.USE_SIZE, "Use 384 x 256")
    assert Problem(WorkerDied("Gone.", "Again."), job).remedies == ((Remedy.TRY_AGAIN, "Try again"),)
    assert Problem(SaveFailed("Full.", "Free.")).remedies == ((Remedy.SAVE_AGAIN, "Save again"),)
    assert Problem(InvalidRequest("No.", "Yes.")).remedies == ()


def test_a_report_holds_the_request_and_the_traceback() -> None:
    report = Problem(InternalError("Oh.", "Report it.", "Traceback ..."), fake_job("a cat")).report
    assert "Traceback ..." in report
    assert "'a cat'" in report

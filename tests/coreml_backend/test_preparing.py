"""Making a model ready: what the child does is Core ML's, and how it is watched is ours."""

from __future__ import annotations

import json
import multiprocessing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from backends.core import coreml_prepare
from backends.core.contract import (
    BackendUnavailable,
    BrokenModel,
    Job,
    PictureReady,
)
from backends.core.contract.preparing import Preparation, Preparing
from backends.core.coreml_folder import open_converted
from backends.core.model_folder import open_folder
from backends.core.registry import get_backend
from backends.core.worker import PipelineEngine
from desktop.model.form import ModelChoice
from desktop.model.make import Make
from desktop.session import Session
from tests.coreml_backend.kit import REQUEST, SIZE, flip, vouch
from tests.coreml_work import fail, hang, prepare_here, ready


def test_preparing_is_done_once_for_a_system(converted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = open_converted(converted)
    list(coreml_prepare.prepare(model, "neural-engine", ready))
    assert [task.target.is_dir() for task in coreml_prepare.tasks_for(model, "neural-engine")] == [True] * 4
    assert list(coreml_prepare.prepare(model, "neural-engine", fail)) == []
    before = coreml_prepare.cache_folder(model)
    monkeypatch.setattr(coreml_prepare, "system_build", lambda: "25A1")
    with pytest.raises(BrokenModel, match=r"can't be made ready.*Unable to load model"):
        list(coreml_prepare.prepare(model, "neural-engine", fail))
    assert not before.exists()


def test_what_is_compiled_is_kept_by_every_package(copy: Path) -> None:
    """Two models may share a UNet and differ in the decoder."""
    before = open_converted(copy)
    name = "vae_decoder.mlpackage/Data/com.apple.CoreML/weights/weight.bin"
    flip(copy / name, 0.5)
    vouch(copy, name)
    after = open_converted(copy)
    assert before.hash == after.hash
    assert coreml_prepare.cache_folder(before) != coreml_prepare.cache_folder(after)


def test_preparing_says_what_goes_on_and_can_be_stopped(converted: Path) -> None:
    going_on = coreml_prepare.prepare(open_converted(converted), "neural-engine", hang)
    first = next(going_on)
    assert first.words == "Preparing for the Neural Engine: text_encoder, 1 of 4"
    assert first.typical == 5.0  # nothing was timed yet, and it is small
    assert next(going_on).seconds > first.seconds
    getattr(going_on, "close")()  # noqa: B009 - iterators are told as such, and are generators
    assert not [each for each in multiprocessing.active_children() if each.is_alive()]


def test_the_usual_time_is_what_it_took_here(converted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = open_converted(converted)
    list(coreml_prepare.prepare(model, "gpu", ready))
    monkeypatch.setattr(coreml_prepare, "system_build", lambda: "25A1")
    took = json.loads(coreml_prepare.cache_folder(model).with_name("gpu.json").read_text())["seconds"]
    assert coreml_prepare.typical_seconds(model, "gpu") == took
    coreml_prepare.forget(model)
    assert coreml_prepare.typical_seconds(model, "gpu") == 5.0


def test_preparing_that_hangs_is_noticed(converted: Path) -> None:
    with pytest.raises(BackendUnavailable, match="did not get text_encoder ready"):
        list(coreml_prepare.prepare(open_converted(converted), "gpu", hang, longest=0.3))


def test_the_worker_tells_that_it_prepares(converted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend: Any = get_backend("coreml")
    at = Preparation(place="neural-engine", part="unet", number=4, of=4, seconds=3.0, typical=150.0)
    monkeypatch.setattr(type(backend), "prepare", lambda *_: iter([at, replace(at, seconds=4.0)]))
    engine = PipelineEngine()
    events = list(engine.make(Job(request=replace(REQUEST, steps=1), model_folder=converted, previews=False)))
    engine.close()
    assert [event.at.seconds for event in events if isinstance(event, Preparing)] == [3.0, 4.0]
    assert any(isinstance(event, PictureReady) for event in events)


def test_it_prepares_in_a_process_that_is_a_daemon(converted: Path) -> None:
    """As the worker is one, and a daemon may have no children unless it is told otherwise."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    worker = context.Process(target=prepare_here, args=(converted, theirs), daemon=True)
    worker.start()
    theirs.close()
    assert ours.recv() is True
    worker.join()
    ours.close()


@pytest.mark.thorough
def test_the_window_shows_that_it_prepares_and_stop_ends_it(
    converted: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    """Through the window's own session and a real worker."""
    session = Session(lambda made: tmp_path / "x.png", "tests.coreml_work:NeverReady")
    choice = ModelChoice(
        name="tiny", title="Tiny", folder=converted, defaults=open_folder(converted).facts.defaults
    )
    make = Make(session, [choice])
    session.happened.connect(make.take)
    make.form.width, make.form.height = SIZE
    make.generate()
    qtbot.waitUntil(lambda: headline(make).startswith("Preparing"), timeout=600_000)
    make.stop()
    qtbot.waitUntil(lambda: make.queue.running is None, timeout=600_000)
    assert make.studio.problem is None
    session.close()


def headline(make: Make) -> str:
    return make.studio.progress.headline if make.studio.progress else ""

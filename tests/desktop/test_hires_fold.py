"""The hi-res fix in the window: chosen with real widgets, made, told, and filled in again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from backends.core.contract import Hires, Request, Stage, StageProgress, StageStarted, StepDone
from desktop.model.compare import Item, differences
from desktop.model.form import Form
from desktop.model.progress import Tracker
from desktop.model.queue import Entry, again, in_size
from desktop.model.recipes import fill
from desktop.view.app import Workshop
from desktop.view.hires_fold import HiresFold
from tests.desktop import window_kit
from tests.desktop.window_kit import Wait
from tests.fakes import fake_job

shelf, shop, wait = window_kit.shelf, window_kit.shop, window_kit.wait


@pytest.fixture
def fold(shop: Workshop, home: Path, wait: Wait) -> HiresFold:
    from desktop.library.additions import search_folders

    folder = search_folders()[0] / "upscalers"
    folder.mkdir(parents=True)
    (folder / "4x-Big.safetensors").touch()
    fold = shop.window.findChild(HiresFold)
    assert isinstance(fold, HiresFold)
    fold.button.click()
    wait(lambda: fold.by.findText("4x-Big") > 0)
    return fold


def choose(fold: HiresFold, words: str) -> None:
    """The line of the list, with the keyboard."""
    fold.by.setFocus()
    for key in [Qt.Key.Key_Home, *[Qt.Key.Key_Down] * fold.by.findText(words)]:
        QTest.keyClick(fold.by, key)
    assert fold.by.currentText() == words


def test_what_is_chosen_is_made(qtbot: QtBot, shop: Workshop, fold: HiresFold, wait: Wait) -> None:
    assert not fold.scale.isEnabled()
    choose(fold, "Lanczos")
    fold.scale.setValue(1.5)
    fold.steps.setValue(3)
    fold.strength.setValue(0.4)
    assert fold.said.text() == "The picture becomes 96 x 96"
    qtbot.mouseClick(shop.window.form.generate, Qt.MouseButton.LeftButton)
    wait(lambda: shop.make.studio.selected)
    made = shop.make.studio.selected
    assert made is not None
    assert made.request.hires == Hires(width=96, height=96, steps=3, strength=0.4, by="lanczos")
    details = shop.window.recent.details.values
    assert details["Hi-res fix"].text() == "from 64 x 64, Lanczos, 3 steps, strength 0.4"
    assert details["Size"].text() == "96 x 96"
    choose(fold, "Off")
    assert shop.make.form.next_request().hires is None
    shop.make.repeat(made)
    assert shop.make.form.next_request().hires == made.request.hires
    assert fold.by.currentText() == "Lanczos"


def test_an_upscaler_can_be_chosen_and_stays_when_its_file_is_gone(shop: Workshop, fold: HiresFold) -> None:
    choose(fold, "4x-Big")
    assert shop.make.form.hires_by == "4x-Big"
    shop.make.form.hires_by = "Gone"
    assert fold.by.currentText() == "Gone"


def test_recipes_bring_it_and_take_it_away() -> None:
    from desktop.library.record import Record

    form, hires = Form(width=64, height=64), Hires(width=128, height=192, steps=4, strength=0.3, by="latent")
    fill(form, Record(prompt="x", width=64, height=96, hires=hires), {})
    assert form.hires == hires
    fill(form, Record(prompt="x"), {})
    assert form.hires is None


def test_progress_knows_that_the_second_pass_has_more_pixels() -> None:
    hires = Hires(width=128, height=128, steps=2)
    request = Request(width=64, height=64, steps=4, guidance_scale=1, sampler="euler", seed=0, hires=hires)
    tracker = Tracker(request)
    for step in range(1, 5):
        tracker.take(StepDone(request.id, step, 6, 1.0))
    assert tracker.current.fraction == pytest.approx(4 / 12)
    assert tracker.current.seconds_left == pytest.approx(8.0)
    tracker.take(StageStarted(request.id, Stage.ENLARGING))
    tracker.take(StageProgress(request.id, Stage.ENLARGING, 2, 6))
    assert tracker.current.headline == "Enlarging the picture: 2 of 6"
    tracker.take(StageStarted(request.id, Stage.DETAILING))
    tracker.take(StepDone(request.id, 5, 6, 5.0))
    assert (tracker.current.fraction, tracker.current.seconds_left) == (
        pytest.approx(8 / 12),
        pytest.approx(5.0),
    )


def test_a_smaller_size_after_too_little_memory_is_the_finished_pictures() -> None:
    hires = Hires(width=256, height=256, steps=2)
    job = replace(fake_job(side=64), request=replace(fake_job(side=64).request, hires=hires))
    tried = again(Entry(job=job), lambda request: in_size(request, (192, 192))).job.request
    assert (tried.width, tried.picture_size) == (64, (192, 192))
    tried = again(Entry(job=job), lambda request: in_size(request, (64, 64))).job.request
    assert (tried.width, tried.hires) == (64, None)
    assert again(Entry(job=job)).job.request.hires == hires


def test_a_comparison_tells_it() -> None:
    from desktop.library.record import Record

    plain = Record(prompt="x", width=64, height=64)
    larger = replace(plain, hires=Hires(width=128, height=128, steps=3))
    items = [Item(key=number, recipe=recipe) for number, recipe in enumerate((plain, larger))]
    (row,) = differences(items)
    assert (row.name, row.values[0]) == ("Hi-res fix", "")
    assert row.values[1] == "from 64 x 64, Latents, 3 steps, strength 0.5"

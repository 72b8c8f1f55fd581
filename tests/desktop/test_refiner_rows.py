"""The refiner in the window: chosen with real widgets, made, told, and filled in again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from backends.core.contract import Refiner, Stage, StageStarted, StepDone
from desktop.application import model_choices
from desktop.library.record import Record
from desktop.model.compare import Item, differences
from desktop.model.form import Form, ModelChoice
from desktop.model.progress import Tracker
from desktop.model.recipes import ForeignRecipe, fill
from desktop.view.app import Workshop
from desktop.view.refiner_rows import RefinerRows
from tests.desktop import window_kit
from tests.desktop.window_kit import LARGE, SMALL, Wait
from tests.fakes import fake_job, write_refiner_configs

shelf, shop, wait = window_kit.shelf, window_kit.shop, window_kit.wait
PLAIN = ModelChoice(name="small", title="Small", folder=Path("a"), defaults=SMALL, family="sd1")
XL = ModelChoice(name="xl", title="XL", folder=Path("b"), defaults=SMALL, family="sdxl", has_refiner=True)
TURBO = replace(XL, name="turbo", title="Turbo", folder=Path("c"))
REFINER = ModelChoice(
    name="xl-refiner",
    title="XL refiner",
    folder=Path("d"),
    defaults=LARGE,
    family="sdxl_refiner",
    refines=("sdxl",),
)
ALL = (PLAIN, XL, TURBO, REFINER)


@pytest.fixture
def rows(shop: Workshop) -> RefinerRows:
    """The model XL is chosen, with its refiner installed, and More is open."""
    shop.make.offer(ALL)
    shop.make.form.use_model(XL)
    shop.window.form.more.button.setChecked(True)
    return shop.window.form.refiner


def choose(rows: RefinerRows, words: str) -> None:
    """The line of the list, with the keyboard."""
    rows.refiner.setFocus()
    for key in [Qt.Key.Key_Home, *[Qt.Key.Key_Down] * rows.refiner.findText(words)]:
        QTest.keyClick(rows.refiner, key)
    assert rows.refiner.currentText() == words


def test_what_is_chosen_is_made(qtbot: QtBot, shop: Workshop, rows: RefinerRows, wait: Wait) -> None:
    assert rows.refiner.isVisible()
    assert [rows.refiner.itemText(n) for n in range(rows.refiner.count())] == ["Off", "XL refiner"]
    assert not rows.switch.isVisible()
    choose(rows, "XL refiner")
    assert rows.switch.isVisible()
    rows.switch.setValue(0.7)
    qtbot.mouseClick(shop.window.form.generate, Qt.MouseButton.LeftButton)
    wait(lambda: shop.make.studio.selected)
    made = shop.make.studio.selected
    assert made is not None
    assert made.request.refiner == Refiner(model="xl-refiner", switch=0.7)
    assert shop.window.recent.details.values["Refiner"].text() == "xl-refiner, from 70 % on"
    choose(rows, "Off")
    assert shop.make.form.next_request().refiner is None
    shop.make.repeat(made)
    assert shop.make.form.next_request().refiner == made.request.refiner
    assert rows.refiner.currentText() == "XL refiner"


def test_the_worker_is_told_where_it_is(shop: Workshop, rows: RefinerRows) -> None:
    choose(rows, "XL refiner")
    entry = shop.make._entry()
    assert (entry.job.model_folder, entry.job.refiner_folder) == (Path("b"), Path("d"))


def test_it_is_for_models_that_have_one(shop: Workshop, rows: RefinerRows) -> None:
    choose(rows, "XL refiner")
    shop.make.form.use_model(TURBO)
    assert shop.make.form.refiner == "xl-refiner"
    shop.make.form.use_model(PLAIN)
    assert not rows.refiner.isVisible()
    assert shop.make.form.next_request().refiner is None
    assert shop.window.form.more.button.text() == "More: sampler, VAE, CLIP skip"
    shop.make.form.use_model(XL)
    assert rows.refiner.isVisible()
    assert shop.window.form.more.button.text() == "More: sampler, VAE, refiner"


def test_without_one_it_says_what_it_is(shop: Workshop, rows: RefinerRows) -> None:
    shop.make.offer((PLAIN, XL))
    assert "second model that makes the last steps" in rows.said.text()
    assert rows.said.isVisible()
    assert rows.fetch.isVisible()
    assert not rows.refiner.isEnabled()
    shop.make.offer(ALL)
    assert not rows.said.isVisible()
    assert rows.refiner.isEnabled()


def test_a_converted_model_says_that_none_can_follow(shop: Workshop, rows: RefinerRows) -> None:
    converted = replace(XL, name="xl-coreml", made_for="coreml")
    shop.make.offer((*ALL, converted))
    shop.make.form.use_model(converted)
    assert rows.said.text() == "This model was converted, and no refiner can follow it."
    assert not rows.fetch.isVisible()
    assert not rows.refiner.isEnabled()


def test_a_refiner_chosen_as_the_model_says_what_it_is_for(shop: Workshop, rows: RefinerRows) -> None:
    said = shop.window.form.model_said
    assert not said.isVisible()
    shop.make.form.use_model(REFINER)
    assert said.isVisible()
    assert "made for a start picture" in said.text()
    assert not rows.refiner.isVisible()


def test_a_recipe_brings_it_back(shop: Workshop, rows: RefinerRows) -> None:
    record = Record(prompt="x", model="XL", refiner=Refiner(model="XL refiner", switch=0.6))
    shop.make.use_recipe(ForeignRecipe(record, "AUTOMATIC1111"))
    assert shop.make.form.next_request().refiner == Refiner(model="xl-refiner", switch=0.6)
    shop.make.use_recipe(ForeignRecipe(replace(record, refiner=None), "AUTOMATIC1111"))
    assert shop.make.form.refiner == ""


@pytest.mark.parametrize(
    ("model", "refiner", "said"),
    [
        ("xl", "nowhere", "Refiner nowhere: it is not installed"),
        ("small", "xl-refiner", "Refiner XL refiner: it is for models of another kind"),
        ("xl", "turbo", ""),
    ],
)
def test_what_can_not_be_taken_over_is_told(model: str, refiner: str, said: str) -> None:
    """Another model of the same kind can follow, too, as in A1111."""
    form, models = Form(), {each.name: each for each in ALL}
    left = fill(form, Record(prompt="x", model=model, refiner=Refiner(model=refiner)), models)
    assert left == ((said,) if said else ())
    assert form.refiner == ("" if said else refiner)


def test_one_that_is_gone_is_refused(shop: Workshop, rows: RefinerRows) -> None:
    choose(rows, "XL refiner")
    shop.make.offer((PLAIN, XL))
    shop.make.generate()
    problem = shop.make.studio.problem
    assert problem is not None
    assert "The model xl-refiner is not installed." in problem.error.message
    assert rows.refiner.currentText() == "xl-refiner"


def test_comparisons_tell_it() -> None:
    records = [Record(prompt="x", refiner=each) for each in (None, Refiner(model="r", switch=0.85))]
    (row,) = differences([Item(n, record) for n, record in enumerate(records)])
    assert (row.name, row.values) == ("Refiner", ("", "r, from 85 % on"))


def test_progress_goes_on_when_the_models_take_turns() -> None:
    """Two pictures are begun before the first is finished: the bar never goes back."""
    request = fake_job(count=2).request
    tracker, seen = Tracker(request), list[float]()

    def steps(index: int, numbers: range) -> None:
        for number in numbers:
            tracker.take(StepDone(request.id, number, 5, 0.1, index))
            seen.append(tracker.current.fraction)

    for index in (0, 1):
        steps(index, range(1, 5))
    for index in (0, 1):
        tracker.take(StageStarted(request.id, Stage.REFINING, index))
        assert tracker.current.headline == f"Picture {index + 1} of 2: Denoising with the refiner"
        steps(index, range(5, 6))
    assert seen == sorted(seen)
    assert seen[-1] == 1


def test_installed_refiners_are_told_apart(home: Path) -> None:
    write_refiner_configs(home / "models" / "xl-refiner")
    found = {each.name: each for each in model_choices()}
    assert (found["xl-refiner"].refines, found["xl-refiner"].has_refiner) == (("sdxl",), False)
    assert (found["tiny"].refines, found["tiny"].has_refiner) == ((), False)

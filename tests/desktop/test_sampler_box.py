"""The form offers the samplers that the chosen model can be used with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from backends.core.contract import SAMPLERS
from desktop.library.record import Record
from desktop.model.form import ModelChoice
from desktop.model.make import Make
from desktop.model.recipes import fill
from desktop.view.sampler_box import SamplerBox
from tests.desktop.still import SMALL, StillBench

FLOW = replace(SMALL, sampler="euler")
CHOICES = (
    ModelChoice(name="any", title="Any", folder=Path("a"), defaults=replace(SMALL, sampler="ddim")),
    ModelChoice(name="flow", title="Flow", folder=Path("b"), defaults=FLOW, samplers=("euler",)),
)


@pytest.fixture
def make() -> Make:
    return Make(StillBench(), CHOICES)


@pytest.fixture
def box(qtbot: QtBot, make: Make) -> SamplerBox:
    box = SamplerBox(make)
    qtbot.addWidget(box)
    return box


def offered(box: SamplerBox) -> list[str]:
    return [box.itemData(number) for number in range(box.count())]


def test_only_what_the_model_can_use_is_offered(make: Make, box: SamplerBox) -> None:
    assert (offered(box), box.currentData()) == (list(SAMPLERS), "ddim")
    make.form.use_model(CHOICES[1])
    assert (offered(box), box.currentData(), make.form.sampler) == (["euler"], "euler", "euler")
    make.form.use_model(CHOICES[0])
    assert (offered(box), box.currentData()) == (list(SAMPLERS), "ddim")


def test_a_sampler_gives_way_to_the_models_own(make: Make, box: SamplerBox) -> None:
    make.form.sampler = "lcm"
    make.form.model = "flow"
    assert make.form.sampler == "euler"


def test_models_that_come_later_are_heeded(make: Make, box: SamplerBox) -> None:
    make.offer((replace(CHOICES[0], samplers=("ddim", "lcm")), CHOICES[1]))
    assert offered(box) == ["ddim", "lcm"]


def test_a_recipe_says_which_sampler_it_leaves_out(make: Make, box: SamplerBox) -> None:
    left = fill(make.form, Record(prompt="x", model="flow", sampler="ddim"), make.models)
    assert left == ("Sampler DDIM: Flow can't use it",)
    assert make.form.sampler == "euler"

"""Depth in the window: what such a model wants, what finds depth, maps, recipes; with real widgets."""

# ruff: noqa: F811  fixtures are imported

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from backends.core.contract import OWN_DEPTH, ROUGH_DEPTH, START_DEPTH
from desktop.application import model_choices
from desktop.library import paths
from desktop.library.additions import search_folders
from desktop.library.record import InitPicture, Record
from desktop.model.compare import Item, differences
from desktop.model.depth import told
from desktop.model.form import Form
from desktop.model.start import StartPicture
from desktop.recalling import recall
from desktop.view.depth_row import DepthRow
from tests.core.test_depth import dpt
from tests.desktop import window_kit
from tests.desktop.guide_kit import write_picture
from tests.desktop.still import MODELS
from tests.desktop.still_window import StillShop, still  # noqa: F401  a fixture
from tests.desktop.window_kit import Wait
from tests.tiny_depth import make_tiny_depth
from tests.tiny_models import EPSILON

wait = window_kit.wait
LEFT = Qt.MouseButton.LeftButton
OWN = replace(MODELS[0], takes_depth=True, finds_depth=True)
BARE = replace(OWN, finds_depth=False)
OTHER = replace(MODELS[0], name="other", title="Other")
START = StartPicture(b"a picture", "house.png")


@pytest.fixture
def row(still: StillShop) -> DepthRow:
    still.make.offer([OWN, OTHER])
    return still.window.form.depth_row


def choose(row: DepthRow, words: str) -> None:
    """The line of the list, with the keyboard."""
    row.box.setFocus()
    for key in [Qt.Key.Key_Home, *[Qt.Key.Key_Down] * row.box.findText(words)]:
        QTest.keyClick(row.box, key)


def lines(row: DepthRow) -> list[str]:
    return [row.box.itemText(line) for line in range(row.box.count())]


def test_other_models_have_no_such_row(still: StillShop) -> None:
    assert still.window.form.depth_row.box.isHidden()
    assert still.window.form.model_said.isHidden()


def test_it_says_that_it_wants_a_start_picture(still: StillShop, row: DepthRow, qtbot: QtBot) -> None:
    said = still.window.form.model_said
    assert not said.isHidden()
    assert said.text() == "It keeps the depth of a picture: choose one to start from, or a depth map."
    qtbot.mouseClick(still.window.form.generate, LEFT)
    problem = still.make.studio.problem
    assert problem is not None
    assert "keeps the depth of another picture" in problem.error.message
    assert problem.error.action == "Choose a start picture, or a depth map."
    assert still.bench.jobs == []
    still.make.form.start = START
    assert said.isHidden()
    still.make.form.start, still.make.form.depth_map = None, START
    assert said.isHidden()


def test_what_finds_depth_is_chosen(still: StillShop, row: DepthRow, qtbot: QtBot) -> None:
    assert not row.box.isHidden()
    assert lines(row) == ["From the model", "A rough estimate", "Choose a depth map"]
    assert row.box.currentText() == "From the model"
    still.make.form.start = START
    choose(row, "A rough estimate")
    qtbot.mouseClick(still.window.form.generate, LEFT)
    assert still.request.depth_by == ROUGH_DEPTH


def test_a_map_is_brought_made_told_and_repeated(
    still: StillShop, row: DepthRow, tmp_path: Path, wait: Wait, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_picture(tmp_path / "near.png", "gray")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    choose(row, "Choose a depth map")
    wait(lambda: still.make.form.depth_map is not None)
    assert row.box.currentText() == "near.png"
    qtbot.mouseClick(still.window.form.generate, LEFT)
    assert (still.request.depth_map, still.request.depth_by) == (path.read_bytes(), "")
    still.finish()
    details = still.window.recent.details
    assert details.values["Depth"].text() == "near.png"
    choose(row, "From the model")
    assert still.make.form.depth_map is None
    qtbot.mouseClick(details.repeat, LEFT)
    assert row.box.currentText() == "near.png"
    still.make.form.use_model(OTHER)
    assert (row.box.isHidden(), still.make.form.depth_map) == (True, None)


def test_nothing_chosen_in_the_dialog_changes_nothing(
    still: StillShop, row: DepthRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    choose(row, "Choose a depth map")
    assert row.box.currentText() == "A rough estimate"  # which the keys came by
    assert still.make.form.depth_map is None


def test_one_without_a_network_begins_with_a_depth_model(still: StillShop, home: Path, wait: Wait) -> None:
    dpt(search_folders()[0] / "preprocessors" / "mine")
    still.make.offer([BARE])
    row = still.window.form.depth_row
    wait(lambda: row.box.currentText() == "mine")
    assert still.make.form.depth_by == "mine"
    assert lines(row) == ["mine", "A rough estimate", "Choose a depth map"]


def test_and_roughly_where_there_is_none(still: StillShop, wait: Wait) -> None:
    still.make.offer([BARE])
    wait(lambda: still.make.form.depth_by == ROUGH_DEPTH)
    assert still.window.form.depth_row.box.currentText() == "A rough estimate"


def test_a_recipe_brings_it_back(still: StillShop, row: DepthRow, tmp_path: Path) -> None:
    path = write_picture(tmp_path / "near.png", "gray")
    picture = StartPicture(path.read_bytes(), "near.png", paths.shorten(path))
    named = InitPicture(name="near.png", path=picture.path, sha256=picture.sha256)
    still.make.use_recipe(recall(Record(prompt="a fox", model=OWN.name, depth_map=named)))
    assert still.make.form.depth_map == picture
    still.make.use_recipe(recall(Record(prompt="a fox", model=OWN.name, depth_by="gone")))
    assert (still.make.form.depth_map, still.make.form.depth_by) == (None, "gone")
    assert row.box.currentText() == "gone"
    path.unlink()
    lost = recall(Record(prompt="a fox", depth_map=named))
    assert lost.depth_map is None
    assert lost.extras == ("The depth map near.png is not there any more, or is another picture now.",)


def test_comparisons_tell_it() -> None:
    named = InitPicture(name="near.png", path="", sha256="")
    records = [Record(prompt="", depth_map=named), Record(prompt="", depth_by=ROUGH_DEPTH)]
    found = differences([Item(number, record) for number, record in enumerate(records)])
    assert [(each.name, each.values) for each in found] == [("Depth", ("near.png", "a rough estimate"))]


def test_whose_depth_it_was_is_said() -> None:
    assert told("", "", {START_DEPTH: f"{OWN_DEPTH}: 0123"}) == "the model's own network"
    assert told("", "", {START_DEPTH: "mine: 0123"}) == "mine"
    assert told("", "", {START_DEPTH: "a rough estimate, without a model"}) == "a rough estimate"
    assert told("", "", {START_DEPTH: "a depth map"}) == "a depth map"
    assert told(None, "") == ""


def test_an_installed_model_says_what_it_takes(home: Path) -> None:
    make_tiny_depth(home / "models" / "told", EPSILON)
    choice = next(each for each in model_choices() if each.name == "told")
    assert (choice.takes_depth, choice.finds_depth) == (True, True)


def test_a_form_without_a_map_sends_none() -> None:
    request = Form(start=START).next_request()
    assert (request.depth_by, request.depth_map) == ("", None)

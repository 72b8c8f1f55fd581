"""A pose made in the window guides the next picture: from the fold to the request, and back from a recipe."""

# ruff: noqa: F811  fixtures are imported

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from backends.core.contract import POSE, PREPARATIONS
from backends.core.contract.pose import Pose, pose_bytes, read_pose
from desktop.model.language import ENGLISH, speak
from desktop.model.pose_person import new_person
from desktop.model.pose_presets import PRESETS
from desktop.model.sentences import said
from desktop.model.start import StartPicture
from desktop.view.guides.fold import GuidesFold
from desktop.view.pose.editor import PoseEditor
from tests.desktop.still_window import StillShop
from tests.desktop.test_guides_fold import fold, nets, plain, still, wait  # noqa: F401  fixtures

BUTTON, KEY = Qt.MouseButton.LeftButton, Qt.Key
JUMPING = pose_bytes(Pose(people=(new_person(PRESETS["jumping"], (64, 64)).figure,), canvas=(64, 64)))


@pytest.fixture
def editor(still: StillShop, fold: GuidesFold, qtbot: QtBot) -> PoseEditor:
    """Open, by the fold's button."""
    qtbot.mouseClick(fold.panel.draw, BUTTON)
    return still.window.make_screen.pose


def test_a_pose_that_is_made_reaches_the_request(
    still: StillShop, fold: GuidesFold, editor: PoseEditor, qtbot: QtBot
) -> None:
    assert editor.isVisible()
    (row,) = fold.panel.rows
    assert row.net.currentText() == "first-openpose"
    assert row.name.text() == "drawn pose.json"
    for key in (KEY.Key_Right, KEY.Key_A, KEY.Key_M):
        qtbot.keyClick(editor.canvas, key)
    assert len(fold.panel.rows) == 1
    assert editor.sheet is not None
    made = editor.sheet.to_bytes()
    qtbot.mouseClick(still.window.form.generate, BUTTON)
    (control,) = still.request.controls
    assert (control.model, control.prepare, control.image) == ("first-openpose", POSE, made)
    assert len(read_pose(control.image).people) == 2
    assert not editor.isVisible()


def test_the_worker_draws_it(still: StillShop, editor: PoseEditor) -> None:
    guide, size, *_ = still.bench.prepared[-1]
    assert (guide.prepare, size) == (POSE, still.make.form.whole_size)
    assert read_pose(guide.picture.data).people


def test_a_pose_is_changed_where_it_is(still: StillShop, fold: GuidesFold, qtbot: QtBot) -> None:
    desk = still.make.guides
    desk.add_guide(StartPicture(JUMPING, "jump.json", "~/jump.json"), "first-openpose")
    still.make.form.use_size(128, 128)
    row = fold.panel.rows[0]
    qtbot.mouseClick(row.edit, BUTTON)
    editor = still.window.make_screen.pose
    assert editor.isVisible()
    assert still.make.form.guides[0].picture.data == JUMPING
    desk.add_guide(StartPicture(pose_bytes(Pose(people=(((5.0, 5.0),) * 18,))), "another.json"))
    qtbot.keyClick(editor.canvas, KEY.Key_M)
    first, second = still.make.form.guides
    assert first.picture.name == "jump.json"
    assert read_pose(first.picture.data).canvas == (128, 128)
    assert second.picture.name == "another.json"
    qtbot.mouseClick(editor.done, BUTTON)
    assert row.edit.hasFocus()


def test_a_guide_that_is_removed_closes_it(
    still: StillShop, fold: GuidesFold, editor: PoseEditor, qtbot: QtBot
) -> None:
    qtbot.mouseClick(fold.panel.rows[0].remove, BUTTON)
    assert still.make.form.guides == ()
    assert not editor.isVisible()
    assert still.window.canvas.isVisible()


def test_only_poses_have_joints_to_move(still: StillShop, fold: GuidesFold, editor: PoseEditor) -> None:
    assert fold.panel.rows[0].edit.isVisibleTo(fold)
    still.make.guides.add_guide(StartPicture(b"\x89PNG", "fox.png"))
    assert not fold.panel.rows[1].edit.isVisibleTo(fold)


def test_every_preparation_is_told_in_german() -> None:
    speak("de")
    try:
        assert [words for words in PREPARATIONS.values() if said(words) == words] == []
    finally:
        speak(ENGLISH)


def test_a_picture_is_repeated_with_its_pose(
    still: StillShop, editor: PoseEditor, fold: GuidesFold, qtbot: QtBot
) -> None:
    qtbot.keyClick(editor.canvas, KEY.Key_M)
    still.make.generate()
    first = still.request
    still.finish("picture.png")
    qtbot.mouseClick(fold.panel.rows[0].remove, BUTTON)
    still.make.repeat(still.make.studio.recent[0])
    still.make.generate()
    assert still.request == first

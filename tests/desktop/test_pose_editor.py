"""The editor for poses, through the real widgets: the mouse, the keyboard, files, and what comes of it."""

# ruff: noqa: F811  fixtures are imported

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from backends.core.contract.pose import KEY_POINTS, Pose, pose_bytes, read_pose
from desktop.model.pose_person import NECK, new_person
from desktop.model.pose_presets import PRESETS
from desktop.model.start import StartPicture
from desktop.view.pose.editor import PoseEditor
from tests.desktop.dropping import drop, mime_of
from tests.desktop.still_window import StillShop, still  # noqa: F401  a fixture
from tests.fakes import square

BUTTON, KEY = Qt.MouseButton.LeftButton, Qt.Key
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
WRIST = KEY_POINTS.index("left wrist")


@pytest.fixture
def told() -> list[bytes]:
    """Every pose that the editor told, the last one last."""
    return []


@pytest.fixture
def editor(still: StillShop, told: list[bytes]) -> PoseEditor:
    still.make.form.use_size(512, 512)
    screen = still.window.make_screen
    screen.edit_pose(None, told.append, screen.form.generate)
    return screen.pose


def place(editor: PoseEditor, joint: int) -> tuple[float, float]:
    assert editor.sheet is not None
    return editor.sheet.chosen.places[joint]


def drag(
    editor: PoseEditor,
    qtbot: QtBot,
    start: tuple[float, float],
    end: tuple[float, float],
    keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
) -> None:
    """From one place in the picture to another."""
    a, b = (editor.canvas.on_screen(at).toPoint() for at in (start, end))
    qtbot.mousePress(editor.canvas, BUTTON, keys, pos=a)
    qtbot.mouseMove(editor.canvas, QPoint((a.x() + b.x()) // 2, (a.y() + b.y()) // 2))
    qtbot.mouseMove(editor.canvas, b)
    qtbot.mouseRelease(editor.canvas, BUTTON, keys, pos=b)


def test_it_opens_in_the_pictures_place(still: StillShop, editor: PoseEditor, told: list[bytes]) -> None:
    assert editor.isVisible()
    assert not still.window.canvas.isVisible()
    assert read_pose(told[-1]).canvas == (512, 512)
    assert editor.canvas.hasFocus()


def test_a_joint_is_dragged(editor: PoseEditor, qtbot: QtBot, told: list[bytes]) -> None:
    neck = place(editor, NECK)
    drag(editor, qtbot, place(editor, WRIST), (400, 100))
    moved = read_pose(told[-1]).people[0][WRIST]
    assert moved == pytest.approx((400, 100), abs=2)
    assert place(editor, NECK) == neck
    assert editor.joint.currentText() == "Left wrist"
    qtbot.mouseClick(editor.undo, BUTTON)
    assert read_pose(told[-1]) == read_pose(told[0])
    assert not editor.undo.isEnabled()


def test_a_click_alone_only_chooses(editor: PoseEditor, qtbot: QtBot, told: list[bytes]) -> None:
    at = editor.canvas.on_screen(place(editor, WRIST)).toPoint()
    qtbot.mouseClick(editor.canvas, BUTTON, pos=at)
    assert editor.joint.currentIndex() == WRIST
    assert len(told) == 1
    assert not editor.undo.isEnabled()


def test_beside_a_joint_or_with_shift_the_person_is_dragged(editor: PoseEditor, qtbot: QtBot) -> None:
    wrist, neck = place(editor, WRIST), place(editor, NECK)
    drag(editor, qtbot, wrist, (wrist[0] + 60, wrist[1]), SHIFT)
    assert place(editor, NECK)[0] == pytest.approx(neck[0] + 60, abs=3)
    x, y = place(editor, WRIST)
    drag(editor, qtbot, (x + 30, y), (x + 30, y - 40))
    assert place(editor, NECK)[1] == pytest.approx(neck[1] - 40, abs=3)


def test_the_keyboard_suffices(editor: PoseEditor, qtbot: QtBot, told: list[bytes]) -> None:
    canvas, sheet = editor.canvas, editor.sheet
    assert sheet is not None
    while sheet.joint != WRIST:
        qtbot.keyClick(canvas, ".")
    x, y = sheet.at
    qtbot.keyClick(canvas, KEY.Key_Right)
    qtbot.keyClick(canvas, KEY.Key_Up)
    assert sheet.at == pytest.approx((x + 5.12, y - 5.12))
    assert "Left wrist, at" in canvas.accessibleDescription()
    qtbot.keyClick(canvas, KEY.Key_H)
    assert read_pose(told[-1]).people[0][WRIST] is None
    assert editor.hide_joint.isChecked()
    qtbot.keyClick(canvas, KEY.Key_A)
    assert len(read_pose(told[-1]).people) == 2
    neck = sheet.chosen.places[NECK]
    qtbot.keyClick(canvas, KEY.Key_Down, SHIFT)
    assert sheet.chosen.places[NECK][1] == pytest.approx(neck[1] + 5.12)
    height = sheet.chosen.box[3] - sheet.chosen.box[1]
    qtbot.keyClick(canvas, "-")
    assert sheet.chosen.box[3] - sheet.chosen.box[1] < height
    qtbot.keyClick(canvas, KEY.Key_N)
    assert sheet.person == 0
    qtbot.keyClick(canvas, KEY.Key_Delete)
    assert len(read_pose(told[-1]).people) == 1
    for _ in range(7):
        qtbot.keyClick(canvas, KEY.Key_Z, CONTROL)
    assert told[-1] == told[0]
    qtbot.keyClick(canvas, KEY.Key_Z, CONTROL | SHIFT)
    assert told[-1] != told[0]
    qtbot.keyClick(canvas, KEY.Key_Escape)
    assert not editor.isVisible()


def wrists(pose: bytes) -> tuple[float, float]:
    """How low the left and the right one are."""
    figure = read_pose(pose).people[0]
    left, right = (figure[KEY_POINTS.index(f"{side} wrist")] for side in ("left", "right"))
    assert left is not None
    assert right is not None
    return left[1], right[1]


def test_a_pose_is_chosen_and_mirrored(editor: PoseEditor, qtbot: QtBot, told: list[bytes]) -> None:
    waving = editor.preset.findData("waving")
    editor.preset.setCurrentIndex(waving)
    editor.preset.activated.emit(waving)
    left, right = wrists(told[-1])
    assert left < right - 100
    qtbot.mouseClick(editor.mirror, BUTTON)
    left, right = wrists(told[-1])
    assert right < left - 100
    assert editor.preset.currentIndex() == 0


def test_done_and_generate_bring_the_picture_back(still: StillShop, editor: PoseEditor, qtbot: QtBot) -> None:
    qtbot.mouseClick(editor.done, BUTTON)
    assert still.window.canvas.isVisible()
    assert still.window.form.generate.hasFocus()
    still.window.make_screen.edit_pose(None, bytes, still.window.form.generate)
    qtbot.mouseClick(still.window.form.generate, BUTTON)
    assert not editor.isVisible()
    assert still.window.canvas.isVisible()


def test_a_pose_is_taken_up_again(
    still: StillShop, editor: PoseEditor, told: list[bytes], qtbot: QtBot
) -> None:
    qtbot.mouseClick(editor.add, BUTTON)
    kept = told[-1]
    editor.close_editor()
    still.window.make_screen.edit_pose(kept, told.append, still.window.form.generate)
    assert told[-1] == kept
    assert editor.sheet is not None
    assert editor.sheet.to_bytes() == kept
    assert not editor.undo.isEnabled()


def test_it_is_kept_as_files(editor: PoseEditor, told: list[bytes], tmp_path: Path) -> None:
    editor.write(tmp_path / "dance.json")
    assert (tmp_path / "dance.json").read_bytes() == told[-1]
    with Image.open(tmp_path / "dance-pose.png") as picture:
        assert picture.size == (512, 512)
        x, y = place(editor, NECK)
        assert picture.getpixel((int(x), int(y))) == (255, 85, 0)


def test_what_can_not_be_kept_is_told(still: StillShop, editor: PoseEditor, tmp_path: Path) -> None:
    editor.write(tmp_path / "none" / "dance.json")
    assert "can't be saved" in still.window.problem.message.text()


def test_a_file_is_dropped(still: StillShop, editor: PoseEditor, told: list[bytes], tmp_path: Path) -> None:
    pose = Pose(people=(new_person(PRESETS["jumping"], (64, 64)).figure,) * 2, canvas=(64, 64))
    (tmp_path / "jump.json").write_bytes(pose_bytes(pose))
    drop(editor.canvas, mime_of(tmp_path / "jump.json"))
    assert len(read_pose(told[-1]).people) == 2
    (tmp_path / "bad.json").write_text("{}")
    count = len(told)
    drop(editor.canvas, mime_of(tmp_path / "bad.json"))
    assert "no pose" in still.window.problem.message.text()
    assert len(told) == count


def test_the_start_picture_lies_below(still: StillShop, qtbot: QtBot, tmp_path: Path) -> None:
    screen = still.window.make_screen
    screen.edit_pose(None, bytes, screen.form.generate)
    assert not screen.pose.ground.isVisible()
    Image.new("RGB", (128, 96), "teal").save(tmp_path / "fox.png")
    still.make.start_from(StartPicture((tmp_path / "fox.png").read_bytes(), "fox.png"))
    still.bench.looks[-1][1](square(64, 48, 200), (128, 96))
    screen.edit_pose(None, bytes, screen.form.generate)
    assert screen.pose.ground.isVisible()
    corner = screen.pose.canvas.area().topLeft().toPoint() + QPoint(8, 8)
    seen = screen.pose.canvas.grab().toImage().pixelColor(corner)
    qtbot.mouseClick(screen.pose.ground, BUTTON)
    below = screen.pose.canvas.grab().toImage().pixelColor(corner)
    assert (below.red(), below.green(), below.blue()) == (0, 0, 0)
    assert seen.lightness() > 40


def test_the_mask_and_the_pose_are_not_open_at_once(
    still: StillShop, editor: PoseEditor, tmp_path: Path
) -> None:
    Image.new("RGB", (128, 96), "teal").save(tmp_path / "fox.png")
    still.make.start_from(StartPicture((tmp_path / "fox.png").read_bytes(), "fox.png"))
    still.bench.looks[-1][1](square(64, 48, 1), (128, 96))
    still.window.make_screen.paint_mask()
    assert not editor.isVisible()
    assert still.window.make_screen.brush.isVisible()
    still.window.make_screen.edit_pose(None, bytes, still.window.form.generate)
    assert not still.window.make_screen.brush.isVisible()
    assert not still.window.canvas.isVisible()

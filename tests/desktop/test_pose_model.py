"""A pose while it is being edited: people, joints, and every act back again. No widget."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from backends.core.contract import InvalidRequest
from backends.core.contract.pose import KEY_POINTS, MAX_PEOPLE, Pose, pose_bytes, read_pose
from desktop.model.pose_person import new_person, person_of
from desktop.model.pose_presets import PRESETS, joint_in_words, preset_in_words
from desktop.model.pose_sheet import PoseSheet, people_of

SIZE = (512, 768)
LEFT_WRIST, RIGHT_WRIST = KEY_POINTS.index("left wrist"), KEY_POINTS.index("right wrist")
NOSE = KEY_POINTS.index("nose")


@pytest.fixture
def sheet() -> PoseSheet:
    return PoseSheet(size=SIZE)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("size", [(512, 512), (1024, 256), (256, 1024)])
def test_every_pose_fits_every_picture(name: str, size: tuple[int, int]) -> None:
    person = new_person(PRESETS[name], size)
    left, above, right, below = person.box
    assert 0 <= left < right <= size[0]
    assert 0 <= above < below <= size[1]
    assert preset_in_words(name)
    assert max((right - left) / size[0], (below - above) / size[1]) > 0.8


def test_a_persons_right_is_to_the_viewers_left() -> None:
    places = dict(zip(KEY_POINTS, PRESETS["standing"].places, strict=True))
    for part in ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"):
        assert places[f"right {part}"][0] < places[f"left {part}"][0]
    assert places["nose"][1] < places["neck"][1] < places["left hip"][1] < places["left knee"][1]


def test_every_joint_has_a_name() -> None:
    names = [joint_in_words(number).casefold() for number in range(len(KEY_POINTS))]
    assert names == list(KEY_POINTS)


def test_a_new_sheet_is_somebody_standing(sheet: PoseSheet) -> None:
    pose = read_pose(sheet.to_bytes())
    assert pose.canvas == SIZE
    assert len(pose.people) == 1
    assert None not in pose.people[0]


def test_a_joint_is_moved_alone_and_stays_in_the_picture(sheet: PoseSheet) -> None:
    before = sheet.chosen.places
    sheet.choose(0, LEFT_WRIST)
    sheet.begin()
    sheet.drag((300, 40))
    sheet.drag((9000, -5))
    assert sheet.chosen.places[LEFT_WRIST] == (512, 0)
    others = [n for n in range(len(KEY_POINTS)) if n != LEFT_WRIST]
    assert all(sheet.chosen.places[n] == before[n] for n in others)
    sheet.undo()
    assert sheet.chosen.places == before


def test_a_person_is_moved_as_a_whole(sheet: PoseSheet) -> None:
    before = sheet.chosen.places
    sheet.begin()
    sheet.drag_person((30, -20))
    assert sheet.chosen.places[NOSE] == pytest.approx((before[NOSE][0] + 30, before[NOSE][1] - 20))
    sheet.drag_person((9000, 0))
    assert sheet.chosen.middle[0] == pytest.approx(512)


def test_a_mirrored_person_has_its_left_on_the_other_side(sheet: PoseSheet) -> None:
    sheet.use_preset("waving")
    sheet.choose(0, LEFT_WRIST)
    sheet.hide(True)
    before = sheet.chosen
    sheet.mirror()
    turned = sheet.chosen
    assert turned.places[RIGHT_WRIST][1] == before.places[LEFT_WRIST][1]
    assert turned.hidden == {RIGHT_WRIST}
    assert turned.places[RIGHT_WRIST][0] < turned.middle[0] < before.places[LEFT_WRIST][0]
    sheet.mirror()
    assert sheet.chosen.hidden == before.hidden
    for a, b in zip(sheet.chosen.places, before.places, strict=True):
        assert a == pytest.approx(b)


def test_a_hidden_joint_is_left_out_and_comes_back_where_it_was(sheet: PoseSheet) -> None:
    sheet.choose(0, LEFT_WRIST)
    at = sheet.at
    sheet.hide(True)
    assert read_pose(sheet.to_bytes()).people[0][LEFT_WRIST] is None
    sheet.hide(False)
    assert sheet.at == at
    assert read_pose(sheet.to_bytes()).people[0][LEFT_WRIST] == pytest.approx(at)


def test_the_last_joint_stays(sheet: PoseSheet) -> None:
    for joint in range(len(KEY_POINTS)):
        sheet.choose(0, joint)
        sheet.hide(True)
    assert len(sheet.chosen.shown) == 1
    assert read_pose(sheet.to_bytes()).people


def test_people_come_and_go(sheet: PoseSheet) -> None:
    first = sheet.chosen
    sheet.add("walking")
    sheet.add("sitting")
    assert len(sheet.people) == 3
    assert sheet.person == 2
    assert len({round(person.middle[0]) for person in sheet.people}) == 3
    sheet.choose(1, NOSE)
    sheet.remove()
    assert len(sheet.people) == 2
    sheet.remove()
    sheet.remove()
    assert len(sheet.people) == 1
    for _ in range(4):
        sheet.undo()
    assert sheet.people == (first,)
    for _ in range(MAX_PEOPLE + 3):
        sheet.add("standing")
    assert len(read_pose(sheet.to_bytes()).people) == MAX_PEOPLE


def test_another_pose_is_taken_in_place(sheet: PoseSheet) -> None:
    sheet.begin()
    sheet.drag_person((-100, 30))
    sheet.scale(0.5)
    _, above, _, below = sheet.chosen.box
    middle = sheet.chosen.middle
    sheet.use_preset("running")
    _, top, _, bottom = sheet.chosen.box
    assert sheet.chosen.middle == pytest.approx(middle)
    assert 0.8 < (bottom - top) / (below - above) < 1.3


def test_it_can_not_vanish(sheet: PoseSheet) -> None:
    for _ in range(200):
        sheet.scale(0.8)
    assert sheet.chosen.box[3] - sheet.chosen.box[1] >= 0.05 * SIZE[1]


ACTS: list[Callable[[PoseSheet], object]] = [
    lambda sheet: sheet.use_preset("waving"),
    PoseSheet.mirror,
    lambda sheet: sheet.scale(1.2),
    lambda sheet: sheet.add("walking"),
    lambda sheet: sheet.hide(True),
    PoseSheet.remove,
    lambda sheet: sheet.use_preset("jumping"),
    lambda sheet: sheet.open(pose_bytes(Pose(people=(new_person(PRESETS["waving"], SIZE).figure,)))),
]


def test_every_act_can_be_taken_back_and_done_again(sheet: PoseSheet) -> None:
    seen = [sheet.to_bytes()]
    for act in ACTS:
        act(sheet)
        seen.append(sheet.to_bytes())
    assert len(set(seen)) >= len(seen) - 1  # removing brings back what was before the adding
    for before in reversed(seen[:-1]):
        sheet.undo()
        assert sheet.to_bytes() == before
    assert not sheet.can_undo
    for after in seen[1:]:
        sheet.redo()
        assert sheet.to_bytes() == after
    assert not sheet.can_redo


def test_what_is_opened_is_fitted_to_the_picture() -> None:
    person = new_person(PRESETS["standing"], (100, 100))
    data = pose_bytes(Pose(people=(person.figure,), canvas=(100, 100)))
    (found,) = people_of(data, (200, 200))
    for a, b in zip(found.places, person.places, strict=True):
        assert a == pytest.approx((2 * b[0], 2 * b[1]), abs=1e-4)


@pytest.mark.parametrize("missing", [("left wrist",), ("nose", "right ankle"), KEY_POINTS[1:]])
def test_what_a_pose_leaves_out_has_a_place_nearby(missing: tuple[str, ...]) -> None:
    figure = new_person(PRESETS["standing"], SIZE).figure
    partly = tuple(None if name in missing else at for name, at in zip(KEY_POINTS, figure, strict=True))
    found = person_of(partly)
    assert found.figure == partly
    assert {KEY_POINTS[number] for number in found.hidden} == set(missing)
    if len(missing) < 5:
        for number in found.hidden:
            place = figure[number]
            assert place is not None
            assert found.places[number] == pytest.approx(place, abs=40)


def test_a_damaged_file_changes_nothing(sheet: PoseSheet) -> None:
    before = sheet.to_bytes()
    with pytest.raises(InvalidRequest):
        sheet.open(b"{}")
    assert sheet.to_bytes() == before
    assert not sheet.can_undo


def test_the_nearest_joint_is_found(sheet: PoseSheet) -> None:
    x, y = sheet.chosen.places[LEFT_WRIST]
    assert sheet.nearest((x + 3, y - 3), 10) == (0, LEFT_WRIST)
    assert sheet.nearest((x + 60, y), 10) is None

"""Poses: read from OpenPose's JSON, fitted to the picture, and drawn as controlnet_aux draws them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.core.contract import POSE, Control, InvalidRequest
from backends.core.contract.pose import (
    COLOURS,
    KEY_POINTS,
    LIMBS,
    MAX_PEOPLE,
    Figure,
    Pose,
    fitted,
    pose_bytes,
    read_pose,
)
from backends.core.control import guide
from backends.core.pose_picture import draw_pose
from backends.core.shelf import Shelf
from tests.families.reference import png_bytes, start_picture

DRAWN = Path(__file__).with_name("poses_by_controlnet_aux.npz")
"""Figures, and what controlnet_aux 0.0.10 with OpenCV 4 made of them by `draw_bodypose`."""
STANDING: Figure = tuple((100.0 + 7 * number, 40.0 + 11 * number) for number in range(18))
_BODY_25_NAMES = (
    *KEY_POINTS[:8], "middle of the hips", *KEY_POINTS[8:], "left big toe", "left small toe", "left heel",
    "right big toe", "right small toe", "right heel",
)  # fmt: skip


def in_json(*people: Any, **told: Any) -> bytes:
    return json.dumps({"people": [{"pose_keypoints_2d": each} for each in people], **told}).encode()


def numbers(figure: Figure, confidence: float = 0.7) -> list[float]:
    return [each for point in figure for each in ((*point, confidence) if point else (0, 0, 0))]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_as_controlnet_aux_draws_it(number: int) -> None:
    with np.load(DRAWN) as kept:
        points, expected = kept[f"people_{number}"], kept[f"image_{number}"]
    people = [tuple(None if np.isnan(x) else (x, y) for x, y in figure) for figure in points]
    height, width, _ = expected.shape
    made = np.asarray(draw_pose(people, (width, height)))
    different = (made != expected).any(-1)
    assert different.sum() <= 0.006 * expected.any(-1).sum()  # the edges of a few ellipses, a pixel wide
    known = {tuple(map(int, colour)) for colour in expected.reshape(-1, 3)}
    assert {tuple(map(int, colour)) for colour in made.reshape(-1, 3)} == known
    for figure in people:
        for point in filter(None, figure):
            assert tuple(made[int(point[1]), int(point[0])]) == tuple(expected[int(point[1]), int(point[0])])


def test_limbs_join_what_they_should() -> None:
    joined = {frozenset((KEY_POINTS[a], KEY_POINTS[b])) for a, b in LIMBS}
    assert len(LIMBS) == 17
    assert len(set(COLOURS)) == len(KEY_POINTS) == 18
    for side in ("right", "left"):
        for a, b in (
            ("shoulder", "elbow"),
            ("elbow", "wrist"),
            ("hip", "knee"),
            ("knee", "ankle"),
            ("eye", "ear"),
        ):
            assert frozenset((f"{side} {a}", f"{side} {b}")) in joined
        assert {frozenset(("neck", f"{side} shoulder")), frozenset(("neck", f"{side} hip"))} < joined
    assert frozenset(("neck", "nose")) in joined


def test_25_points_become_18() -> None:
    points = [(10.0 * number, 5.0 * number + 1) for number in range(25)]
    (figure,) = read_pose(in_json(numbers(tuple(points)))).people
    named = dict(zip(_BODY_25_NAMES, points, strict=True))
    assert figure == tuple(named[name] for name in KEY_POINTS)


def test_missing_points_are_left_out() -> None:
    values = numbers(STANDING)
    values[3 * 4 + 2] = 0
    (figure,) = read_pose(in_json(values)).people
    assert figure[4] is None
    whole, part = (np.asarray(draw_pose([each], (512, 512))) for each in (STANDING, figure))
    assert (part == COLOURS[4]).all(-1).sum() == 0 < (whole == COLOURS[4]).all(-1).sum()
    dark = tuple(int(each * 0.6) for each in COLOURS[3])  # the limb from the elbow to it
    assert (part == dark).all(-1).sum() == 0 < (whole == dark).all(-1).sum()


def test_several_people_and_empty_ones() -> None:
    data = in_json(numbers(STANDING), None, [], numbers((None,) * 18), numbers(STANDING, 1))
    assert read_pose(data).people == (STANDING, STANDING)


def test_a_list_of_frames_is_its_first() -> None:
    frame = json.loads(in_json(numbers(STANDING), canvas_width=640, canvas_height=480))
    assert read_pose(json.dumps([frame, {}]).encode()) == Pose(people=(STANDING,), canvas=(640.0, 480.0))


def test_what_is_kept_is_the_same_pose() -> None:
    for told in ({}, {"canvas_width": 640, "canvas_height": 512}):
        pose = read_pose(in_json(numbers(STANDING), numbers((None, *STANDING[1:])), **told))
        assert read_pose(kept := pose_bytes(pose)) == pose
        assert pose_bytes(read_pose(kept)) == kept


def test_a_canvas_covers_the_picture_and_is_cut_at_the_middle() -> None:
    pose = Pose(people=(STANDING,), canvas=(400.0, 400.0))
    (figure,) = fitted(pose, 400, 200)
    assert figure[0] == (100.0, 40.0 - 100)
    (figure,) = fitted(pose, 800, 800)
    assert figure[2] == (2 * 114.0, 2 * 62.0)


def test_shares_are_of_the_canvas_or_the_picture() -> None:
    shares = tuple((0.25, 0.5) for _ in range(18))
    assert fitted(read_pose(in_json(numbers(shares))), 512, 256)[0][0] == (128, 128)
    pose = read_pose(in_json(numbers(shares), canvas_width=1000, canvas_height=500))
    assert pose.people[0][0] == (250, 250)
    assert fitted(pose, 500, 500)[0][0] == (0, 250)


def test_pixels_of_an_unknown_canvas() -> None:
    assert fitted(Pose(people=(STANDING,)), 512, 512) == (STANDING,)
    (figure,) = fitted(Pose(people=(STANDING,)), 64, 64)
    assert all(point and point[0] < 64 and point[1] < 64 for point in figure)
    (a, b), (c, d) = (point for point in (figure[0], figure[17]) if point)
    assert (d - b) / (c - a) == pytest.approx(11 / 7)


def test_a_larger_picture_has_thicker_figures() -> None:
    pose = Pose(people=(STANDING,), canvas=(512.0, 512.0))
    small, large = (np.asarray(draw_pose(fitted(pose, side, side), (side, side))) for side in (512, 1024))
    assert large.any(-1).mean() == pytest.approx(small.any(-1).mean(), rel=0.1)


def test_a_control_draws_it_in_the_pictures_size() -> None:
    data = in_json(numbers(STANDING), canvas_width=512, canvas_height=512)
    made = guide(Control(model="openpose", image=data, prepare=POSE), (256, 384), Shelf())
    assert (made.size, made.mode) == ((256, 384), "RGB")
    assert made.getpixel((int(100 * 0.75) - 64, 30)) == COLOURS[0]


BAD = {
    "no JSON": b"{",
    "binary": b"\x00\xff\xfe",
    "deep": b"[" * 5000,
    "a number": b"3",
    "an empty list": b"[]",
    "without people": b"{}",
    "people that are no list": b'{"people": 3}',
    "nobody": b'{"people": []}',
    "a person that is none": b'{"people": [3]}',
    "points that are no list": in_json("points"),
    "17 points": in_json([1.0] * 51),
    "words for numbers": in_json(["a"] * 54),
    "truths for numbers": in_json([True] * 54),
    "no number": in_json([float("nan")] * 54),
    "far away": in_json([1e30] * 54),
    "no width": in_json(numbers(STANDING), canvas_height=3),
    "an empty canvas": in_json(numbers(STANDING), canvas_width=0, canvas_height=0),
    "too many": in_json(*[numbers(STANDING)] * (MAX_PEOPLE + 1)),
    "too large": b" " * 2**20 + in_json(numbers(STANDING)),
    "a picture": png_bytes(start_picture(64)),
}


@pytest.mark.parametrize("data", BAD.values(), ids=list(BAD))
def test_odd_files_are_refused_in_a_sentence(data: bytes) -> None:
    with pytest.raises(InvalidRequest) as told:
        read_pose(data)
    assert str(told.value).endswith(".")
    assert "\n" not in str(told.value)
    assert told.value.action

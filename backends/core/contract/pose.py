"""Poses: people as 18 key points each, as OpenPose's JSON files have them and its ControlNets are shown them.

Points, limbs and colours are those of controlnet_aux (`open_pose/util.py`) and of ControlNet's own annotator;
the order of the 25 points is OpenPose's BODY_25 (`doc/02_output.md` there).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from backends.core.contract.errors import InvalidRequest

Point = tuple[float, float]
Figure = tuple[Point | None, ...]
"""One person: a place for each of KEY_POINTS, to the right and downwards, or None where it is not seen."""

KEY_POINTS: tuple[str, ...] = (
    "nose", "neck",
    "right shoulder", "right elbow", "right wrist", "left shoulder", "left elbow", "left wrist",
    "right hip", "right knee", "right ankle", "left hip", "left knee", "left ankle",
    "right eye", "left eye", "right ear", "left ear",
)  # fmt: skip
LIMBS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10),
    (1, 11), (11, 12), (12, 13), (1, 0), (0, 14), (14, 16), (0, 15), (15, 17),
)  # fmt: skip
"""From which key point to which; limb k has colour k."""
COLOURS = (
    (255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0), (0, 255, 0),
    (0, 255, 85), (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255), (0, 0, 255), (85, 0, 255),
    (170, 0, 255), (255, 0, 255), (255, 0, 170), (255, 0, 85),
)  # fmt: skip
MAX_PEOPLE = 32
MAX_POSE_BYTES = 2**20
_OF_25 = (*range(8), *range(9, 19))
"""Which of BODY_25's points the 18 are: without the hips' middle and the feet."""
_EACH, _DIGITS, _FARTHEST = 3, 6, 1e5
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF")
_DRAWN = "Use an OpenPose JSON file; a picture of a drawn pose needs no preparation."
_ANOTHER = "Use a JSON file that OpenPose, or an editor for its poses, has written."


@dataclass(frozen=True, kw_only=True)
class Pose:
    """`people`, and the `canvas` that they stand on, its width and height, where that is known.

    Without one the places are shares of the picture, 0 to 1, or pixels.
    """

    people: tuple[Figure, ...]
    canvas: Point | None = None


def read_pose(data: bytes) -> Pose:
    """From an OpenPose JSON file's bytes. Raises InvalidRequest for what is none, or shows nobody."""
    if data.startswith(_PICTURES):
        raise InvalidRequest(
            "A pose can't be read from a picture here.",
            _DRAWN,
        )
    frame = _frame(data)
    people = tuple(figure for entry in _people(frame) if any(figure := _figure(entry)))
    if not people:
        raise InvalidRequest("The pose shows nobody.", _ANOTHER)
    canvas = _canvas(frame)
    if canvas is None or not _are_shares(people):
        return Pose(people=people, canvas=canvas)
    return Pose(people=moved(people, canvas, (0.0, 0.0)), canvas=canvas)


def pose_bytes(pose: Pose) -> bytes:
    """The pose as the shortest OpenPose JSON of it: what a request and a picture's recipe keep."""
    told: dict[str, Any] = {"people": [{"pose_keypoints_2d": _numbers(figure)} for figure in pose.people]}
    if pose.canvas is not None:
        told |= {"canvas_width": pose.canvas[0], "canvas_height": pose.canvas[1]}
    return json.dumps(told, separators=(",", ":")).encode()


def fitted(pose: Pose, width: int, height: int) -> tuple[Figure, ...]:
    """The people in a picture of this size, in pixels.

    The canvas covers the picture and is cut at the middle, as any other picture here. Pixels of an unknown
    canvas stay what they are where all are in the picture; else they are made smaller until they are.
    """
    size = float(width), float(height)
    if pose.canvas is not None:
        scale = max(each / side for each, side in zip(size, pose.canvas, strict=True))
        left, above = ((each - side * scale) / 2 for each, side in zip(size, pose.canvas, strict=True))
        return moved(pose.people, (scale, scale), (left, above))
    if _are_shares(pose.people):
        return moved(pose.people, size, (0.0, 0.0))
    farthest = [max(point[axis] for point in _points(pose.people)) for axis in (0, 1)]
    scale = min(1.0, *(each / (end + 1) for each, end in zip(size, farthest, strict=True) if end > 0))
    return moved(pose.people, (scale, scale), (0.0, 0.0))


def moved(people: Sequence[Figure], scale: Point, by: Point) -> tuple[Figure, ...]:
    """Each place times `scale`, and then `by` farther."""
    return tuple(
        tuple(point and (point[0] * scale[0] + by[0], point[1] * scale[1] + by[1]) for point in figure)
        for figure in people
    )


def _frame(data: bytes) -> dict[str, Any]:
    """A file with one frame, or a list of them, of which it is the first."""
    if len(data) > MAX_POSE_BYTES:
        raise InvalidRequest("The pose's file is too large.", _ANOTHER)
    try:
        read = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The pose can't be read: it is no JSON file, or damaged.", _ANOTHER) from error
    frames = cast(list[object], read) if isinstance(read, list) else [read]
    if not frames or not isinstance(frames[0], dict):
        raise InvalidRequest("The JSON file holds no pose.", _ANOTHER)
    return cast(dict[str, Any], frames[0])


def _people(frame: dict[str, Any]) -> list[object]:
    people = frame.get("people")
    if not isinstance(people, list):
        raise InvalidRequest("The JSON file holds no pose: there are no `people` in it.", _ANOTHER)
    if len(found := cast(list[object], people)) > MAX_PEOPLE:
        raise InvalidRequest(f"{len(found)} people are too many for a pose.", f"Use at most {MAX_PEOPLE}.")
    return found


def _figure(entry: object) -> Figure:
    """Nobody, where an entry has no points."""
    if not isinstance(entry, dict):
        raise InvalidRequest("A person of the pose is damaged.", _ANOTHER)
    told: object = cast(dict[str, object], entry).get("pose_keypoints_2d") or []
    values = _checked(cast(list[object], told) if isinstance(told, list) else [None])
    points = [
        tuple(values[at : at + 2]) if values[at + 2] > 0 else None for at in range(0, len(values), _EACH)
    ]
    chosen = [points[number] for number in _OF_25] if len(points) > len(KEY_POINTS) else points
    return cast(Figure, tuple(chosen))


def _checked(values: list[object]) -> list[float]:
    if len(values) not in (0, _EACH * len(KEY_POINTS), _EACH * 25):
        raise InvalidRequest(
            f"A person of the pose has {len(values)} numbers, not 54 (18 points) or 75 (25 points).", _ANOTHER
        )
    numbers = [each for each in values if type(each) in (int, float)]
    found = cast(list[float], numbers)
    if len(found) < len(values) or not all(abs(each) < _FARTHEST for each in found):
        raise InvalidRequest("A person of the pose has points that are no numbers, or far away.", _ANOTHER)
    return [float(each) for each in found]


def _canvas(frame: dict[str, Any]) -> Point | None:
    sides: list[object] = [frame.get("canvas_width"), frame.get("canvas_height")]
    if sides == [None, None]:
        return None
    width, height = (float(cast(float, side)) if type(side) in (int, float) else 0.0 for side in sides)
    if not (1 <= width < _FARTHEST and 1 <= height < _FARTHEST):
        raise InvalidRequest("The pose's canvas has no size that can be used.", _ANOTHER)
    return width, height


def _are_shares(people: Sequence[Figure]) -> bool:
    """Whether all places are 0 to 1: shares of a width and a height."""
    return all(0 <= each <= 1 for point in _points(people) for each in point)


def _points(people: Sequence[Figure]) -> Iterator[Point]:
    return (point for figure in people for point in figure if point is not None)


def _numbers(figure: Figure) -> list[float]:
    return [
        number
        for point in figure
        for number in ((*(round(each, _DIGITS) for each in point), 1) if point else (0, 0, 0))
    ]

"""Poses to begin with: people as tall as 1, to the right and downwards from above the middle of the head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from backends.core.contract.pose import KEY_POINTS, Point
from desktop.model.language import tr

_NUMBER = {name: number for number, name in enumerate(KEY_POINTS)}


@dataclass(frozen=True)
class Preset:
    """A place for every key point, and those that are not seen."""

    places: tuple[Point, ...]
    hidden: frozenset[int] = frozenset()


def _both(changed: Mapping[str, Point]) -> dict[str, Point]:
    """The same to the left and the right of the middle; what is given is the left, to the viewer's right."""
    left = {f"left {name}": place for name, place in changed.items()}
    return left | {f"right {name}": (-x, y) for name, (x, y) in changed.items()}


_STANDING: dict[str, Point] = {
    "nose": (0.0, 0.085), "neck": (0.0, 0.165),
    **_both({
        "eye": (0.02, 0.068), "ear": (0.045, 0.078), "shoulder": (0.105, 0.17), "elbow": (0.135, 0.325),
        "wrist": (0.145, 0.465), "hip": (0.065, 0.49), "knee": (0.07, 0.72), "ankle": (0.075, 0.95),
    }),
}  # fmt: skip
_TO_THE_SIDE: dict[str, Point] = {
    "nose": (0.05, 0.085), "neck": (0.0, 0.165), "right eye": (0.036, 0.066), "left eye": (0.052, 0.067),
    "right ear": (-0.004, 0.075), "left ear": (0.02, 0.078), "right shoulder": (-0.03, 0.178),
    "left shoulder": (0.03, 0.175), "right hip": (-0.025, 0.49), "left hip": (0.02, 0.49),
}  # fmt: skip
_LEGS = ("hip", "knee", "ankle")


def _preset(base: Mapping[str, Point], changed: Mapping[str, Point], *hidden: str) -> Preset:
    places = {**_STANDING, **base, **changed}
    return Preset(tuple(places[name] for name in KEY_POINTS), frozenset(_NUMBER[name] for name in hidden))


_LEGS_AND_WRISTS = [f"{side} {part}" for side in ("right", "left") for part in (*_LEGS, "wrist")]
PRESETS: Mapping[str, Preset] = {
    "standing": _preset({}, {}),
    "arms out": _preset({}, _both({"elbow": (0.255, 0.175), "wrist": (0.395, 0.18)})),
    "arms up": _preset({}, _both({"elbow": (0.165, 0.03), "wrist": (0.15, -0.115)})),
    "waving": _preset({}, {"left elbow": (0.215, 0.115), "left wrist": (0.185, -0.035)}),
    "hands on the hips": _preset({}, _both({"elbow": (0.215, 0.32), "wrist": (0.085, 0.43)})),
    "sitting": _preset({}, _both({
        "elbow": (0.15, 0.335), "wrist": (0.095, 0.49), "hip": (0.07, 0.48), "knee": (0.1, 0.6),
        "ankle": (0.095, 0.83),
    })),
    "sitting, from the side": _preset(_TO_THE_SIDE, {
        "right elbow": (0.005, 0.335), "right wrist": (0.135, 0.4), "left elbow": (0.05, 0.33),
        "left wrist": (0.175, 0.385), "right knee": (0.2, 0.5), "left knee": (0.235, 0.49),
        "right ankle": (0.185, 0.735), "left ankle": (0.23, 0.725),
    }, "left ear"),
    "walking": _preset(_TO_THE_SIDE, {
        "right elbow": (-0.11, 0.315), "right wrist": (-0.13, 0.45), "left elbow": (0.085, 0.32),
        "left wrist": (0.175, 0.43), "right knee": (0.085, 0.715), "right ankle": (0.12, 0.945),
        "left knee": (-0.035, 0.72), "left ankle": (-0.165, 0.905),
    }, "left ear"),
    "running": _preset(_TO_THE_SIDE, {
        "nose": (0.14, 0.115), "neck": (0.07, 0.185), "right eye": (0.127, 0.096), "left eye": (0.143, 0.098),
        "right ear": (0.087, 0.1), "left ear": (0.11, 0.104), "right shoulder": (0.035, 0.2),
        "left shoulder": (0.1, 0.195), "right elbow": (-0.1, 0.27), "right wrist": (-0.075, 0.4),
        "left elbow": (0.165, 0.325), "left wrist": (0.275, 0.265), "right knee": (0.17, 0.6),
        "right ankle": (0.105, 0.815), "left knee": (-0.075, 0.7), "left ankle": (-0.29, 0.735),
    }, "left ear"),
    "jumping": _preset({}, _both({
        "elbow": (0.215, 0.085), "wrist": (0.32, -0.03), "knee": (0.15, 0.68), "ankle": (0.225, 0.87),
    })),
    "kneeling": _preset({}, _both({
        "elbow": (0.15, 0.325), "wrist": (0.08, 0.45), "knee": (0.09, 0.7), "ankle": (0.075, 0.765),
    })),
    "head and shoulders": _preset({}, {}, *_LEGS_AND_WRISTS),
}  # fmt: skip


def preset_in_words(name: str) -> str:
    """What a pose is called."""
    words = {
        "standing": tr("Standing"),
        "arms out": tr("Arms out"),
        "arms up": tr("Arms up"),
        "waving": tr("Waving"),
        "hands on the hips": tr("Hands on the hips"),
        "sitting": tr("Sitting"),
        "sitting, from the side": tr("Sitting, from the side"),
        "walking": tr("Walking"),
        "running": tr("Running"),
        "jumping": tr("Jumping"),
        "kneeling": tr("Kneeling"),
        "head and shoulders": tr("Head and shoulders"),
    }
    return words[name]


def joint_in_words(number: int) -> str:
    """What a key point is called; left and right are the person's own."""
    words = (
        tr("Nose"), tr("Neck"),
        tr("Right shoulder"), tr("Right elbow"), tr("Right wrist"),
        tr("Left shoulder"), tr("Left elbow"), tr("Left wrist"),
        tr("Right hip"), tr("Right knee"), tr("Right ankle"),
        tr("Left hip"), tr("Left knee"), tr("Left ankle"),
        tr("Right eye"), tr("Left eye"), tr("Right ear"), tr("Left ear"),
    )  # fmt: skip
    return words[number]

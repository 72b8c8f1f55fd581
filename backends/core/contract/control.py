"""ControlNet: a picture that says where things are, read by a network beside the denoiser."""

from __future__ import annotations

from dataclasses import dataclass, field

from backends.core.contract.errors import InvalidRequest, unknown

MAX_CONTROLS = 4
MAX_CONTROL_WEIGHT = 2.0
_LONGEST_NAME = 200
POSE, DEPTH = "pose", "depth"
PREPARATIONS = {
    "none": "the picture is a map already: edges, a depth map, a drawn pose",
    "invert": "black and white change places, for lines drawn in black on white",
    "canny": "fine edges of a picture",
    "scribble": "the main lines of a picture, as if sketched",
    "tile": "the picture without its details, which are made anew",
    DEPTH: "how near things are: a rough estimate, or by a depth model of yours",
    POSE: "an OpenPose JSON file, drawn as figures",
}
"""Ways to prepare a picture without another network, and what each is for."""


@dataclass(frozen=True, kw_only=True)
class Control:
    """One ControlNet: `model` is its name, `image` a picture file's bytes, fitted to the size made; for
    "pose" an OpenPose JSON file's (see contract/pose.py).

    `prepare` says what is made of it first (see core/control_pictures.py): "none" leaves it as it is, for a
    map of edges or depth, or a drawn pose. "depth" is found `by` the depth model of this name, or without one
    roughly. `weight` is 0 to 2; it takes part from `start` to `end` of the steps, 0 to 1.

    Raises InvalidRequest when a value can't be used.
    """

    model: str
    image: bytes = field(repr=False)
    prepare: str = "none"
    by: str = ""
    weight: float = 1.0
    start: float = 0.0
    end: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < len(self.model) <= _LONGEST_NAME:
            raise InvalidRequest("A ControlNet's name is missing or too long.", "Give its name, or its file.")
        if self.prepare not in PREPARATIONS:
            raise unknown("way to prepare a picture", self.prepare, PREPARATIONS)
        if self.by and (self.prepare != DEPTH or len(self.by) > _LONGEST_NAME):
            raise InvalidRequest("Only depth is found by a model.", "Leave the model out, or prepare depth.")
        if not 0 <= self.weight <= MAX_CONTROL_WEIGHT:
            raise InvalidRequest(
                f"A ControlNet's weight can't be {self.weight!r}.", f"Use 0 to {MAX_CONTROL_WEIGHT:g}."
            )
        if not 0 <= self.start < self.end <= 1:
            raise InvalidRequest(
                f"A ControlNet can't take part from {self.start!r} to {self.end!r} of the steps.",
                "Use two numbers from 0 to 1, the smaller first.",
            )

"""ControlNet: a picture that says where things are, read by a network beside the denoiser."""

from __future__ import annotations

from dataclasses import dataclass, field

from backends.core.contract.errors import InvalidRequest

MAX_CONTROLS = 4
MAX_CONTROL_WEIGHT = 2.0
_LONGEST_NAME = 200


@dataclass(frozen=True, kw_only=True)
class Control:
    """One ControlNet: `model` is its name, `image` a picture file's bytes, fitted to the size made.

    It is read as it is: edges, a depth map, a drawn pose. `weight` is 0 to 2; it takes part from `start` to
    `end` of the steps, 0 to 1. Raises InvalidRequest when a value can't be used.
    """

    model: str
    image: bytes = field(repr=False)
    weight: float = 1.0
    start: float = 0.0
    end: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < len(self.model) <= _LONGEST_NAME:
            raise InvalidRequest("A ControlNet's name is missing or too long.", "Give its name, or its file.")
        if not 0 <= self.weight <= MAX_CONTROL_WEIGHT:
            raise InvalidRequest(
                f"A ControlNet's weight can't be {self.weight!r}.", f"Use 0 to {MAX_CONTROL_WEIGHT:g}."
            )
        if not 0 <= self.start < self.end <= 1:
            raise InvalidRequest(
                f"A ControlNet can't take part from {self.start!r} to {self.end!r} of the steps.",
                "Use two numbers from 0 to 1, the smaller first.",
            )

"""A refiner: a second model that makes the last steps of a picture (SDXL's "ensemble of experts")."""

from __future__ import annotations

from dataclasses import dataclass

from backends.core.contract.errors import InvalidRequest

REFINER_SWITCH = 0.8
"""Where SDXL's own takes over: it is trained for the last 200 of 1000 noise levels."""
_LONGEST_NAME = 200


@dataclass(frozen=True, kw_only=True)
class Refiner:
    """`model` is its name; it takes over where `switch` (between 0 and 1) of the noise schedule is done.

    That is diffusers' `denoising_end` and `denoising_start`.
    Raises InvalidRequest when a value can't be used.
    """

    model: str
    switch: float = REFINER_SWITCH

    def __post_init__(self) -> None:
        if not self.model.strip() or not self.model.isprintable() or len(self.model) > _LONGEST_NAME:
            raise InvalidRequest("A refiner's name is missing or can't be used.", "Give a model's name.")
        if not 0 < self.switch < 1:  # NaN fails the comparison too
            raise InvalidRequest(
                f"A refiner can't take over at {self.switch!r}.",
                "Use a number between 0 and 1, such as 0.8.",
            )

"""Hi-res fix: the finished latents or picture are made larger, and denoised once more in that size."""

from __future__ import annotations

from dataclasses import dataclass

from backends.core.contract.errors import InvalidRequest

LATENTS, LANCZOS = "latent", "lanczos"
MAX_SCALE = 4.0
HIRES_STRENGTH = 0.5
_SCHEDULE = 1000
_STEP = 8
_LONGEST_NAME = 200


@dataclass(frozen=True, kw_only=True)
class Hires:
    """The second pass: to `width` x `height` pixels, with `steps` steps that are really made.

    `strength` (0 to 1]: how far it may leave the first picture. `by` is how that is made larger: "latent"
    (bilinear, without decoding), "lanczos" (its pixels), or the name of an upscaler's file.
    Raises InvalidRequest when a value can't be used.
    """

    width: int
    height: int
    steps: int
    strength: float = HIRES_STRENGTH
    by: str = LATENTS

    def __post_init__(self) -> None:
        if not self.by.strip() or not self.by.isprintable() or len(self.by) > _LONGEST_NAME:
            raise InvalidRequest("The hi-res fix needs a way to enlarge.", f"Use {LATENTS} or {LANCZOS}.")
        if {type(side) for side in (self.width, self.height)} != {int}:
            raise InvalidRequest("The sides of a picture are whole numbers of pixels.", "Use such as 1024.")
        if not 0 < self.strength <= 1:  # NaN fails the comparison too
            raise InvalidRequest(
                f"The strength of the hi-res fix can't be {self.strength!r}.",
                "Use more than 0, and at most 1.",
            )
        if type(self.steps) is not int or not 1 <= self.steps <= _SCHEDULE * self.strength:
            raise InvalidRequest(
                f"The hi-res fix can't make {self.steps!r} steps with a strength of {self.strength:g}.",
                f"Use 1 to {max(1, int(_SCHEDULE * self.strength))} steps.",
            )

    def check_from(self, width: int, height: int) -> None:
        """Raises InvalidRequest when a picture of this size can't become so large."""
        for name, before, after in (("width", width, self.width), ("height", height, self.height)):
            if not before <= after <= MAX_SCALE * before or after % _STEP:
                raise InvalidRequest(
                    f"The hi-res fix can't make a {name} of {before} pixels {after!r}.",
                    f"Use a multiple of {_STEP} from {before} to {int(MAX_SCALE * before)}.",
                )


def scaled(side: int, scale: float) -> int:
    """The side of a picture made larger: the nearest multiple of 8 pixels, within what can be done."""
    return max(side, min(int(MAX_SCALE * side), round(side * scale / _STEP) * _STEP))

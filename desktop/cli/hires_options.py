"""The options of the hi-res fix, and what they come to."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from typing import TypeVar

from backends.core.contract import HIRES_STRENGTH, LATENTS, MAX_SCALE, Hires, InvalidRequest
from backends.core.contract.hires import scaled
from desktop.library.record import Record

OFF = "off"
_T = TypeVar("_T")
Target = float | tuple[int, int] | str
"""How many times as large, a width and a height, or OFF."""


@dataclass(frozen=True, kw_only=True)
class HiresOptions:
    """What was given; None for what was not."""

    target: Target | None = None
    steps: int | None = None
    strength: float | None = None
    by: str | None = None


def add_hires(parser: argparse.ArgumentParser) -> None:
    """--hires, --hires-steps, --hires-strength and --hires-by."""
    add = parser.add_argument
    add(
        "--hires",
        metavar="SCALE",
        type=parse_target,
        help="make the picture larger by a second pass: 1.25 to 4 times, or a size such as 1024x1024, or off",
    )
    add("--hires-steps", metavar="N", type=_whole, help="steps of the second pass (steps x strength)")
    add(
        "--hires-strength",
        metavar="X",
        type=_number,
        help=f"how far the second pass may leave the first picture, 0 to 1 ({HIRES_STRENGTH})",
    )
    add("--hires-by", metavar="WAY", help="latent, lanczos, or an upscaler's name (latent)")


def parse_target(text: str) -> Target:
    """Raises InvalidRequest."""
    if text.strip().casefold() == OFF:
        return OFF
    if size := re.fullmatch(r"\s*([0-9]{1,5})\s*[x×*]\s*([0-9]{1,5})\s*", text, re.IGNORECASE):
        return int(size[1]), int(size[2])
    if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,6})?", text.strip()) and 1 <= float(text) <= MAX_SCALE:
        return float(text)
    raise InvalidRequest(
        f"The hi-res fix can't be {text[:60]!r}.", "Use 1.25 to 4, a size such as 1024x1024, or off."
    )


def _whole(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text.strip()):
        raise InvalidRequest(f"The hi-res fix can't make {text[:60]!r} steps.", "Use a whole number.")
    return int(text)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InvalidRequest(
            f"The strength of the hi-res fix can't be {text[:60]!r}.", "Use a number from 0 to 1."
        ) from error


def find_hires(given: HiresOptions, known: Record, first: tuple[int, int], steps: int) -> Hires | None:
    """What is given, else what the record says, for a first pass of this size. Raises InvalidRequest."""
    target, before = given.target, known.hires
    if target == OFF or (target is None and before is None):
        if (given.steps, given.strength, given.by) != (None, None, None):
            raise InvalidRequest("There is no hi-res fix to set.", "Say how much larger: --hires 2.")
        return None
    width, height = _sides(target, known, first)
    strength = _first(given.strength, before and before.strength, HIRES_STRENGTH)
    own = max(1, round(steps * min(max(strength, 0), 1)))
    return Hires(
        width=width,
        height=height,
        steps=_first(given.steps, before and before.steps, own),
        strength=strength,
        by=_first(given.by, before and before.by, LATENTS),
    )


def _sides(target: Target | None, known: Record, first: tuple[int, int]) -> tuple[int, int]:
    """As many times as large as the record's where nothing is given."""
    if isinstance(target, tuple):
        return target
    if isinstance(target, float):
        return scaled(first[0], target), scaled(first[1], target)
    assert known.hires is not None
    if (known.width, known.height) == first or not known.width:
        return known.hires.width, known.hires.height
    scale = known.hires.width / known.width
    return scaled(first[0], scale), scaled(first[1], scale)


def _first(*values: _T | None) -> _T:
    return next(value for value in values if value is not None)

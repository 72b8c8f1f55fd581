"""Values that several commands' options have: whole numbers, sizes, samplers. Each raises InvalidRequest."""

from __future__ import annotations

import re
from collections.abc import Callable

from backends.core.contract import SAMPLERS, InvalidRequest, unknown

_MOST_SHOWN = 60


def whole(name: str, values: str) -> Callable[[str], int]:
    """Reads a whole number; `values` says which there are."""

    def parse_whole(text: str) -> int:
        try:
            return int(text)
        except ValueError as error:
            raise InvalidRequest(
                f"The {name} must be a whole number, and {short(text)!r} can't be used.", f"Use {values}."
            ) from error

    return parse_whole


def number(name: str, values: str) -> Callable[[str], float]:
    """Reads a number; `values` says which there are."""

    def parse_number(text: str) -> float:
        try:
            return float(text)
        except ValueError as error:
            raise InvalidRequest(
                f"The {name} must be a number, and {short(text)!r} can't be used.", f"Use {values}."
            ) from error

    return parse_number


def size(text: str) -> tuple[int, int]:
    """ "512x512" -> width and height."""
    match = re.fullmatch(r"\s*([0-9]{1,9})\s*[x×*]\s*([0-9]{1,9})\s*", text, re.IGNORECASE)
    if match is None:
        raise InvalidRequest(
            f"The size must be a width and a height, and {short(text)!r} can't be used.",
            "Use pixels, both multiples of 8, such as 512x512.",
        )
    return int(match[1]), int(match[2])


def sampler(text: str) -> str:
    """An id, or the name people know the sampler by."""
    ids = {label.casefold(): sampler for sampler, label in SAMPLERS.items()}
    wanted = ids.get(text.casefold(), text.casefold())
    if wanted not in SAMPLERS:
        raise unknown("sampler", short(text), SAMPLERS)
    return wanted


def short(text: str) -> str:
    """As much of it as a sentence can hold."""
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."

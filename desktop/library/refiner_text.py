"""A refiner as A1111's text says it: `Refiner: sd_xl_refiner_1.0 [7440042bbd], Refiner switch at: 0.8`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from backends.core.contract import REFINER_SWITCH, InvalidRequest, Refiner

SETTINGS = ("Refiner", "Refiner switch at")
_TITLE = re.compile(r"(.+?)(?:\.safetensors|\.ckpt)?(?: \[[0-9a-fA-F]{4,64}\])?")
_HASH = 10


def write_refiner(refiner: Refiner, told: str) -> Iterator[tuple[str, str]]:
    """Names and values. `told` is the record's own word of it, "name: SHA-256", or empty."""
    digest = told.rpartition(": ")[2]
    yield SETTINGS[0], f"{refiner.model} [{digest[:_HASH]}]" if digest else refiner.model
    yield SETTINGS[1], f"{refiner.switch:.10g}"


def read_refiner(settings: Mapping[str, str]) -> Refiner | None:
    """What the settings say; None where they say nothing that could be done."""
    title = _TITLE.fullmatch(settings.get(SETTINGS[0], "").strip())
    try:
        switch = float(settings.get(SETTINGS[1], REFINER_SWITCH))
        return Refiner(model=title[1], switch=switch) if title and title[1] != "None" else None
    except (ValueError, InvalidRequest):
        return None

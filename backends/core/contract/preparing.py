"""What is told while a backend gets a model ready for a machine, which can take minutes."""

from __future__ import annotations

from dataclasses import dataclass

from backends.core.contract.events import Event


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """Where a preparation is: its `number`th part of `of`, `seconds` after it began.

    `place` is a compute unit's id ("neural-engine", "gpu", "all"), `part` a network or a piece of one
    ("unet"). `typical` is how many seconds all of it usually takes, or None where nobody knows.
    """

    place: str
    part: str
    number: int
    of: int
    seconds: float
    typical: float | None = None

    @property
    def words(self) -> str:
        """What goes on, in English and without times: it changes only with the part."""
        return f"Preparing for {PLACES.get(self.place, self.place)}: {self.part}, {self.number} of {self.of}"


PLACES = {"neural-engine": "the Neural Engine", "gpu": "the GPU", "all": "this Mac"}
"""Compute units as sentences name them."""


@dataclass(frozen=True)
class Preparing(Event):
    """A backend is getting a model ready. Sent a few times a second."""

    at: Preparation

"""What is told while a backend gets a model ready for a machine, which can take minutes."""

from __future__ import annotations

from dataclasses import dataclass

from backends.core.contract.events import Event


@dataclass(frozen=True)
class Preparing(Event):
    """A backend is getting a model ready: what it is at, and for how long. Sent a few times a second."""

    words: str
    seconds: float

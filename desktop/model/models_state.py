"""What the Models screen holds, and what it asks of processes and files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, cast

from psygnal import SignalGroupDescriptor

from desktop.model.models_card import ModelCard
from desktop.model.models_chore import Chore
from desktop.model.models_fit import Verdict


class Running(Protocol):
    def stop(self) -> None:
        """Asks the command to end."""
        ...


class Runner(Protocol):
    def start(
        self, words: Sequence[str], said: Callable[[str], object], ended: Callable[[int], object]
    ) -> Running:
        """Runs `python -m WORDS`: each line it prints goes to `said`, its exit code to `ended`."""
        ...


class Cupboard(Protocol):
    """The models' files. Nothing here waits."""

    def list(self, then: Callable[[Listing], None]) -> None:
        """Reads what is installed, and which conversions were broken off."""
        ...

    def hash(self, card: ModelCard, then: Callable[[str], None]) -> None:
        """Finds a model's SHA-256, which can take a while."""
        ...

    def trash(self, folder: Path, then: Callable[[bool], None]) -> None:
        """Moves a folder to the system's trash; whether it worked."""
        ...

    def keep(self, papers: Mapping[str, Any]) -> None:
        """Keeps notes and orders where the next start finds them."""
        ...


@dataclass(frozen=True, kw_only=True)
class HalfFetched:
    """A download of another day: what it was asked for by, and how many of its bytes are there."""

    name: str
    source: str
    done: int
    of: int


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What was found. `broken_off` are the names of conversions that stand half done, and of how many parts
    each has how many; `waiting` are downloads that are not finished."""

    cards: tuple[ModelCard, ...]
    broken_off: Mapping[str, int] = field(default_factory=dict[str, int])
    waiting: tuple[HalfFetched, ...] = ()


@dataclass(kw_only=True)
class Models:
    """What the screen shows. `events` has one signal a field; `chosen` is a card's name, or "".

    `verdicts` and `hashes` are by model; a model that is not in them has not been looked at yet. `doubted` is
    the model that somebody wants to delete, until they say so again. `kept` are files that are no models and
    were put into their folders, since the start.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    cards: tuple[ModelCard, ...] = ()
    read: bool = False
    chosen: str = ""
    chores: tuple[Chore, ...] = ()
    verdicts: Mapping[str, tuple[Verdict, ...]] = field(default_factory=dict[str, tuple[Verdict, ...]])
    hashes: Mapping[str, str] = field(default_factory=dict[str, str])
    notes: Mapping[str, str] = field(default_factory=dict[str, str])
    doubted: str = ""
    notice: str = ""
    kept: tuple[str, ...] = ()

    @property
    def card(self) -> ModelCard | None:
        """The chosen one."""
        return self.find(self.chosen)

    def find(self, name: str) -> ModelCard | None:
        return next((card for card in self.cards if card.name == name), None)


def read_notes(told: object) -> dict[str, str]:
    """Notes by model, from a file that nobody vouches for."""
    entries = cast(dict[object, object], told) if isinstance(told, dict) else dict[object, object]()
    return {key: text for key, text in entries.items() if isinstance(key, str) and isinstance(text, str)}

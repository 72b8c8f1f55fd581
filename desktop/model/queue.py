"""The queue: what is being made, what waits in which order, and what failed and why.

It is plain state with rules; `Make` moves it on, and a Ledger keeps it across crashes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, Protocol
from uuid import uuid4

from psygnal import SignalGroupDescriptor

from backends.core.contract import Job, MezzotintError, Picture, Request
from desktop.model.progress import Progress
from desktop.model.start import Beside, StartPicture, beside_of

State = Literal["running", "waiting", "failed"]
_ORDER: dict[State, int] = {"running": 0, "waiting": 1, "failed": 2}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A job in the queue. `done` of its pictures are saved; `reason` says why it failed. `start` and `beside`
    name the pictures that its request has."""

    job: Job
    state: State = "waiting"
    start: StartPicture | None = None
    beside: Beside = field(default_factory=Beside)
    done: int = 0
    reason: str = ""
    error: MezzotintError | None = None
    progress: Progress | None = None
    preview: Picture | None = None

    @property
    def id(self) -> str:
        return self.job.request.id

    @property
    def rest(self) -> Job:
        """The job without the pictures that are already made."""
        request = self.job.request
        if not 0 < self.done < request.count:
            return self.job
        rest = replace(request, seed=request.seed + self.done, count=request.count - self.done)
        return replace(self.job, request=rest)


class Ledger(Protocol):
    """Keeps the queue where a crash can't reach it. Nothing here waits; order is kept."""

    def add(self, entry: Entry, *, first: bool) -> None: ...
    def begin(self, entry_id: str) -> None: ...
    def count_done(self, entry_id: str, done: int) -> None: ...
    def fail(self, entry_id: str, error: MezzotintError) -> None: ...
    def replace(self, entry_id: str, entry: Entry) -> None:
        """The entry stands at the end of the queue in place of the old one."""
        ...

    def remove(self, entry_ids: list[str]) -> None: ...
    def order(self, entry_ids: list[str]) -> None: ...


class NoLedger:
    """Keeps nothing."""

    def add(self, entry: Entry, *, first: bool) -> None: ...
    def begin(self, entry_id: str) -> None: ...
    def count_done(self, entry_id: str, done: int) -> None: ...
    def fail(self, entry_id: str, error: MezzotintError) -> None: ...
    def replace(self, entry_id: str, entry: Entry) -> None: ...
    def remove(self, entry_ids: list[str]) -> None: ...
    def order(self, entry_ids: list[str]) -> None: ...


@dataclass(kw_only=True)
class Queue:
    """The entries, the running one first, then those waiting in their order, then the failed ones.

    `events` has one signal a field. While `held`, what runs is finished and nothing else begins.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    entries: tuple[Entry, ...] = ()
    held: bool = False

    def find(self, entry_id: str) -> Entry | None:
        """The entry with this id."""
        return next((entry for entry in self.entries if entry.id == entry_id), None)

    @property
    def running(self) -> Entry | None:
        """The entry that is being made."""
        return next((entry for entry in self.entries if entry.state == "running"), None)

    @property
    def waiting(self) -> tuple[Entry, ...]:
        """The entries still to be made, in order."""
        return self._in("waiting")

    @property
    def failed(self) -> tuple[Entry, ...]:
        """The entries that could not be made."""
        return self._in("failed")

    def put(self, entry: Entry, *, first: bool = False) -> None:
        """Adds an entry behind those that wait, or before them."""
        self._keep((entry, *self.entries) if first else (*self.entries, entry))

    def change(self, entry: Entry) -> None:
        """The entry takes the place of the one with its id."""
        self._keep(entry if each.id == entry.id else each for each in self.entries)

    def remove(self, entry_ids: Iterable[str]) -> None:
        """Takes entries off the queue; ids that are not there are passed over."""
        gone = set(entry_ids)
        self._keep(entry for entry in self.entries if entry.id not in gone)

    def move(self, entry_id: str, place: int) -> None:
        """Puts a waiting entry at this place among those that wait, counted from 0."""
        waiting = [entry for entry in self.waiting if entry.id != entry_id]
        moved = [entry for entry in self.waiting if entry.id == entry_id]
        place = min(max(place, 0), len(waiting))
        others = [entry for entry in self.entries if entry.state != "waiting"]
        self._keep([*others, *waiting[:place], *moved, *waiting[place:]])

    def _in(self, state: State) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.state == state)

    def _keep(self, entries: Iterable[Entry]) -> None:
        self.entries = tuple(sorted(entries, key=lambda entry: _ORDER[entry.state]))


Change = Callable[[Request], Request]
"""What is different when a job is tried once more."""


def same(request: Request) -> Request:
    """No change."""
    return request


def without(part: str, request: Request) -> Request:
    """The same without its "controls", its "references" or its "vae"."""
    left: dict[str, Any] = {part: type(getattr(request, part))()}
    return replace(request, **left)


def again(entry: Entry, change: Change = same) -> Entry:
    """What is left of the entry as a new one that waits."""
    rest = entry.rest
    request = change(replace(rest.request, id=uuid4().hex))
    beside = beside_of(request, entry.beside)
    return Entry(job=replace(rest, request=request), start=entry.start, beside=beside)


def in_size(request: Request, size: tuple[int, int]) -> Request:
    """The same with finished pictures of this size; without a second pass where that is the first one's."""
    width, height = size
    if request.hires is not None and width > request.width and height > request.height:
        return replace(request, hires=replace(request.hires, width=width, height=height))
    return replace(request, width=width, height=height, hires=None)

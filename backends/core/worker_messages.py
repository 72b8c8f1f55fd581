"""What the worker and its parent say to each other, beside the contract's Job and Event.

Parent to child: Job, Cancel, Look, Weigh, Shutdown. Child to parent: Begun, WorkerReady, Looked, Weighed,
Event.
`WorkerStopped` never crosses the pipe: the parent's handle says it for a child that no longer can.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from backends.core.contract import Capabilities, Event, Job, MezzotintError, Picture


@dataclass(frozen=True)
class Cancel:
    """Stop this request before its next step. For a request that has just ended it does nothing."""

    request_id: str


@dataclass(frozen=True)
class Look:
    """Read the picture in these bytes (PNG, JPEG, WebP) and send it back, its longer side `side` pixels.

    With `cut`, a width and height, it is what a ControlNet is shown: cut to that size and prepared this
    `way` (see core/control_pictures.py), depth `by` the model of this name in `search`, or roughly.
    """

    key: str
    data: bytes = field(repr=False)
    side: int
    cut: tuple[int, int] | None = None
    way: str = "none"
    by: str = ""
    search: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Weigh:
    """Predict the memory that a picture of this size takes, with guidance or without."""

    key: str
    model_folder: Path
    backend: str
    size: tuple[int, int]
    guided: bool


@dataclass(frozen=True)
class Shutdown:
    """Stop what is going on, close the networks and end."""


@dataclass(frozen=True)
class Begun:
    """The child has taken this job up; from here on its death is the job's failure."""

    request_id: str


@dataclass(frozen=True)
class Looked:
    """A picture that was to be looked at, small, with its real size; or why it can't be read."""

    key: str
    picture: Picture | None = None
    width: int = 0
    height: int = 0
    problem: MezzotintError | None = None


@dataclass(frozen=True)
class Weighed:
    """What was to be weighed, in bytes, with a verdict as fit.py has them; "" where nobody can say."""

    key: str
    verdict: str = ""
    need: int = 0
    free: int = 0


@dataclass(frozen=True)
class Surveyed:
    """A backend, and the sentence that says why it can't run here, or None."""

    capabilities: Capabilities
    reason: str | None = None


@dataclass(frozen=True)
class WorkerReady:
    """The child is warm: the next request starts at once.

    `backend` is the automatic choice, or None when there is none; `problem` says why. `survey` holds
    every backend, the best first.
    """

    seconds: float
    backend: Capabilities | None = None
    problem: MezzotintError | None = None
    survey: tuple[Surveyed, ...] = ()


@dataclass(frozen=True)
class WorkerStopped:
    """The child ended while nothing was asked of it. The next request starts another."""

    reason: str


Question = Look | Weigh
"""What a thread of the child's answers while pictures are made."""
ToChild = Job | Cancel | Question | Shutdown
FromChild = Begun | WorkerReady | Looked | Weighed | Event
Message = Event | WorkerReady | WorkerStopped | Looked | Weighed
"""What a parent receives."""

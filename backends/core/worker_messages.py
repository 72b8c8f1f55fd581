"""What the worker and its parent say to each other, beside the contract's Job and Event.

Parent to child: Job, Cancel, Shutdown. Child to parent: Begun, WorkerReady, Event. `WorkerStopped`
never crosses the pipe: the parent's handle says it for a child that no longer can.
"""

from __future__ import annotations

from dataclasses import dataclass

from backends.core.contract import Capabilities, Event, Job, MezzotintError


@dataclass(frozen=True)
class Cancel:
    """Stop this request before its next step. For a request that has just ended it does nothing."""

    request_id: str


@dataclass(frozen=True)
class Shutdown:
    """Stop what is going on, close the networks and end."""


@dataclass(frozen=True)
class Begun:
    """The child has taken this job up; from here on its death is the job's failure."""

    request_id: str


@dataclass(frozen=True)
class WorkerReady:
    """The child is warm: the next request starts at once.

    `backend` is the automatic choice, or None when there is none; `problem` says why.
    """

    seconds: float
    backend: Capabilities | None = None
    problem: MezzotintError | None = None


@dataclass(frozen=True)
class WorkerStopped:
    """The child ended while nothing was asked of it. The next request starts another."""

    reason: str


ToChild = Job | Cancel | Shutdown
FromChild = Begun | WorkerReady | Event
Message = Event | WorkerReady | WorkerStopped
"""What a parent receives."""

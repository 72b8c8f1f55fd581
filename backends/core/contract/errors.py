"""What can go wrong: each error has one sentence for a person, and one thing to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class MezzotintError(Exception):
    """Something a person must know: one sentence, and one thing to do about it.

    `message` and `action` are sentences ready to be shown. They survive pickling, so that an
    error raised in the worker is the same error in the window.
    """

    exit_code = 1

    def __init__(self, message: str, action: str) -> None:
        super().__init__(message, action)
        self.message = message
        self.action = action

    def __str__(self) -> str:
        return f"{self.message} {self.action}"


class InvalidRequest(MezzotintError):
    """A value that can't be used: size, steps, prompt, an unknown sampler, backend or model."""

    exit_code = 2


class UnreadablePicture(MezzotintError):
    """A picture that can't be opened, or is too large, or is of a format we don't read."""

    exit_code = 2


class GuideRefused(InvalidRequest):
    """A ControlNet that is missing or not for this model; without it the picture can be made."""


class ReferenceRefused(InvalidRequest):
    """A reference picture that this model can't look at; without it the picture can be made."""


class VaeRefused(InvalidRequest):
    """A VAE that is missing or not for this model; with the model's own the picture can be made."""


class BackendUnavailable(MezzotintError):
    """The backend can't run on this machine."""


class BrokenModel(MezzotintError):
    """A model folder that is incomplete, damaged or of a kind we don't know."""


class OutOfMemory(MezzotintError):
    """The picture needs more memory than there is."""


class BadPicture(MezzotintError):
    """The network's numbers are not a picture (NaN or infinity)."""


class WorkerDied(MezzotintError):
    """The process that makes pictures ended while it was at work."""


class SaveFailed(MezzotintError):
    """The picture is made but could not be written."""


class InternalError(MezzotintError):
    """A defect of ours, with its technical report kept apart from what is shown."""

    def __init__(self, message: str, action: str, report: str = "") -> None:
        super().__init__(message, action)
        self.args = (message, action, report)
        self.report = report


def unknown(kind: str, name: str, known: Iterable[str]) -> InvalidRequest:
    """The error for a name that isn't one of those known; suggests the nearest."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    action = f"Did you mean {near[0]}?" if near else f"Use one of: {', '.join(names)}."
    return InvalidRequest(f"There is no {kind} called {name!r}.", action)

"""An error as the window shows it: what happened, what to do, and buttons that do it."""

from __future__ import annotations

import platform
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto

from backends.core.contract import (
    BadPicture,
    GuideRefused,
    InternalError,
    Job,
    MezzotintError,
    OutOfMemory,
    ReferenceRefused,
    SaveFailed,
    VaeRefused,
    WorkerDied,
)
from desktop.model.form import NOT_EXTENDED
from desktop.model.language import tr
from desktop.model.sentences import said

_SIZE = re.compile(r"\b(\d{2,4}) x (\d{2,4})\b")
_WORTH_RETRYING = (BadPicture, InternalError, OutOfMemory, WorkerDied)


class Remedy(Enum):
    """What a button on the error bar does."""

    TRY_AGAIN = auto()
    USE_SIZE = auto()
    SAVE_AGAIN = auto()
    WITHOUT_GUIDES = auto()
    WITHOUT_REFERENCES = auto()
    OWN_VAE = auto()


WITHOUT: Mapping[Remedy, tuple[str, str]] = {
    Remedy.WITHOUT_GUIDES: ("guides", "controls"),
    Remedy.WITHOUT_REFERENCES: ("references", "references"),
    Remedy.OWN_VAE: ("vae", "vae"),
}
"""Of the remedies that leave something out: what the form calls it, and a request."""


@dataclass(frozen=True)
class Way:
    """A way out that whoever found the problem knows: a button's words, and what it does."""

    words: str
    act: Callable[[], object]


@dataclass(frozen=True)
class Problem:
    """What is shown in the error bar. `job` is the one that failed, when there was one.

    `ways` are buttons beside those that the error itself suggests.
    """

    error: MezzotintError
    job: Job | None = None
    ways: tuple[Way, ...] = ()

    @property
    def text(self) -> str:
        return f"{said(self.error.message)} {said(self.error.action)}".strip()

    @property
    def suggested_size(self) -> tuple[int, int] | None:
        """A size that the error's action names, when it differs from the one that failed."""
        found = _SIZE.search(self.error.action) if isinstance(self.error, OutOfMemory) else None
        size = (int(found[1]), int(found[2])) if found else None
        if self.job is not None and size == self.job.request.picture_size:
            return None
        return size

    @property
    def remedies(self) -> tuple[tuple[Remedy, str], ...]:
        """The buttons: what each does, and its words."""
        if isinstance(self.error, SaveFailed):
            return ((Remedy.SAVE_AGAIN, tr("Save again")),)
        if isinstance(self.error, GuideRefused):
            return ((Remedy.WITHOUT_GUIDES, tr("Make it without guides")),)
        if isinstance(self.error, ReferenceRefused):
            return ((Remedy.WITHOUT_REFERENCES, tr("Make it without them")),)
        if isinstance(self.error, VaeRefused):
            return ((Remedy.OWN_VAE, tr("Use the model's own VAE")),)
        if self.job is None or not isinstance(self.error, _WORTH_RETRYING):
            return ()
        if size := self.suggested_size:
            words = tr("Use {size}", size=f"{size[0]} x {size[1]}")
            return ((Remedy.USE_SIZE, words), (Remedy.TRY_AGAIN, tr("Try again")))
        return ((Remedy.TRY_AGAIN, tr("Try again")),)

    @property
    def report(self) -> str:
        """Everything a developer would ask for; the start picture's bytes are left out."""
        bare = {"init_image": None, "mask": None, "extend": NOT_EXTENDED}
        request = replace(self.job.request, **bare) if self.job else None
        lines = [
            f"{type(self.error).__name__}: {self.text}",
            f"{platform.platform()}, Python {platform.python_version()}",
            repr(request) if request else "",
            self.error.report if isinstance(self.error, InternalError) else "",
        ]
        return "\n".join(line for line in lines if line)

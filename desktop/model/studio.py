"""What the Make screen shows: the work that goes on, the picture in the middle, this session's pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from psygnal import SignalGroupDescriptor

from backends.core.contract import Picture, PictureReady, Request
from desktop.model.form import ModelChoice
from desktop.model.language import tr
from desktop.model.problem import Problem
from desktop.model.progress import Progress
from desktop.model.start import Beside, StartPicture


@dataclass(frozen=True)
class Made:
    """A finished picture of this session. `path` is None until it is durable on disk.

    `unsaved` is set when that was tried and failed. `start` is the picture it started from, if any, and
    `beside` are its reference pictures and guides.
    """

    request: Request
    event: PictureReady
    path: Path | None = None
    unsaved: bool = False
    start: StartPicture | None = None
    beside: Beside = field(default_factory=Beside)

    @property
    def key(self) -> tuple[str, int]:
        return (self.event.request_id, self.event.picture_index)

    @property
    def seconds(self) -> float:
        return sum(self.event.stage_seconds.values())


@dataclass(frozen=True)
class Plate:
    """What lies in the middle: pixels (a preview may have fewer), and the finished picture's size."""

    picture: Picture | None
    width: int
    height: int
    is_preview: bool = False


@dataclass(frozen=True)
class Note:
    """Something worth knowing, in a bar above the picture: a sentence, and details one a line.

    `button` is what its button says; `act` is what that does.
    """

    text: str
    details: tuple[str, ...] = ()
    button: str = ""
    act: Callable[[], None] | None = None


@dataclass(kw_only=True)
class Studio:
    """Everything the Make screen holds beside the form. `events` has one signal a field.

    `recent` is newest first; `waiting` counts the jobs behind the one that runs. `start_look` is the
    start picture, small, once the worker has read it, and `start_size` its real width and height.
    `hardware` names every backend by its id, once the worker has looked.
    `no_start` says why pictures can't start from a picture now, or is empty where they can; `no_guides` and
    `no_references` why ControlNets can't guide the model, and why it can't look at pictures.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    progress: Progress | None = None
    plate: Plate | None = None
    problem: Problem | None = None
    note: Note | None = None
    notice: str = ""
    no_start: str = ""
    no_guides: str = ""
    no_references: str = ""
    start_look: Picture | None = None
    start_size: tuple[int, int] = (0, 0)
    waiting: int = 0
    stopping: bool = False
    selected: Made | None = None
    recent: tuple[Made, ...] = ()
    models: tuple[ModelChoice, ...] = ()
    hardware: Mapping[str, str] = field(default_factory=dict[str, str])
    engine: str = field(default_factory=lambda: tr("Warming up"))

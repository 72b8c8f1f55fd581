"""XY plots in the window: their axes as they are typed, and what has become of each that was begun.

Their pictures are jobs in the queue like all others. A plot is finished when none of its pictures is still to
come; then its sheet and its page are written. Plots outlast the window, as the queue does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol
from uuid import uuid4

from psygnal import SignalGroupDescriptor

from backends.core.contract import Event, Failed, InvalidRequest, MezzotintError, PictureReady, Request
from desktop.library.plot_settings import LORA
from desktop.library.plot_sheet import Place, Plot
from desktop.library.plots import Axis, cells, parse_axis, shared, vary
from desktop.model.language import tr
from desktop.model.make import Make
from desktop.model.problem import Problem
from desktop.model.sentences import said
from desktop.model.studio import Made

KEPT = 20
"""So many plots are listed, the newest first."""
Files = tuple[Path, Path]


@dataclass(frozen=True, kw_only=True)
class PlotRun:
    """A plot that was begun. `pending` are its requests that are still to come, by id."""

    id: str
    plot: Plot
    pending: Mapping[str, Place]
    sheet: Path | None = None
    page: Path | None = None
    problem: str = ""

    @property
    def count(self) -> int:
        return len(self.plot.places)

    @property
    def made(self) -> int:
        return len(self.plot.files)


class Drawer(Protocol):
    """Keeps the list of plots, and writes sheets and pages. Nothing here waits."""

    def keep(self, runs: Sequence[PlotRun]) -> None: ...
    def draw(
        self, run: PlotRun, then: Callable[[Files], None], failed: Callable[[MezzotintError], None]
    ) -> None: ...


@dataclass(kw_only=True)
class PlotDesk:
    """The two axes, and the plots. An axis without a setting is none."""

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    make: Make
    drawer: Drawer
    x_setting: str = "steps"
    x_values: str = ""
    y_setting: str = ""
    y_values: str = ""
    runs: tuple[PlotRun, ...] = ()
    _saving: set[str] = field(default_factory=set[str])
    _restored: bool = False

    def __post_init__(self) -> None:
        self.make.queue.events.entries.connect(self._look)

    # --- what the person does ---

    def axes(self) -> tuple[Axis, Axis | None]:
        """As they are typed. Raises InvalidRequest."""
        x = parse_axis(f"{self.x_setting}={self.x_values}")
        y = parse_axis(f"{self.y_setting}={self.y_values}") if self.y_setting else None
        if y is not None and y.setting == x.setting:
            raise InvalidRequest(tr("Both axes are of the same setting."), tr("Choose another for one."))
        return x, y

    @property
    def is_written(self) -> bool:
        """Whether there are values for each axis."""
        return bool(self.x_values.strip()) and (not self.y_setting or bool(self.y_values.strip()))

    def in_words(self) -> str:
        """How many pictures it would be and about how long they would take, or what is wrong."""
        if not self.is_written:
            return ""
        try:
            count = len(cells(*self.axes()))
        except InvalidRequest as error:
            return f"{said(error.message)} {said(error.action)}"
        told = tr("1 picture") if count == 1 else tr("{count} pictures", count=count)
        recent = self.make.studio.recent
        if not recent:
            return told
        seconds = recent[0].seconds * count
        if seconds < 90:
            return tr("{told}, about {seconds} s", told=told, seconds=max(1, round(seconds)))
        return tr("{told}, about {minutes} min", told=told, minutes=round(seconds / 60))

    def start(self) -> bool:
        """Puts the pictures into the queue. False, with the problem told, when something can't be used."""
        try:
            x, y = self.axes()
            base = replace(self.make.wanted(), count=1)
            requests = {place: self._request(base, x, y, place) for place in cells(x, y)}
            self.make.send(list(requests.values()))
        except MezzotintError as error:
            self.make.studio.problem = Problem(error)
            return False
        self._add(_run(base, x, y, requests))
        return True

    # --- what happens ---

    def restore(self, runs: Sequence[PlotRun]) -> None:
        """The plots of before. The queue is as it was, too, by now."""
        self.runs = (*self.runs, *runs)[:KEPT]
        self._restored = True
        self._look()

    def take(self, event: Event) -> None:
        """Something happened to a request."""
        if isinstance(event, PictureReady):
            self._saving.add(event.request_id)
        if isinstance(event, Failed):
            self._settle(event.request_id, reason=f"{said(event.error.message)} {said(event.error.action)}")

    def kept(self, made: Made, path: Path) -> None:
        """The picture is durable."""
        self._saving.discard(made.event.request_id)
        self._settle(made.event.request_id, path=path)

    def not_kept(self, made: Made, error: MezzotintError) -> None:
        """It is still in the window, but the plot can't have it."""
        self._saving.discard(made.event.request_id)
        self._settle(made.event.request_id, reason=said(error.message))

    # --- parts ---

    def _request(self, base: Request, x: Axis, y: Axis | None, place: Place) -> Request:
        request = replace(vary(base, x, place[0], y, place[1]), id=uuid4().hex)
        titles = {choice.title.casefold(): name for name, choice in self.make.models.items()}
        return replace(request, model=titles.get(request.model.casefold(), request.model))

    def _add(self, run: PlotRun) -> None:
        self.runs = (run, *self.runs)[:KEPT]
        self.drawer.keep(self.runs)
        self._look()

    def _settle(self, request_id: str, *, path: Path | None = None, reason: str = "") -> None:
        """A picture of a plot is there, or will not be."""
        for run in self.runs:
            if request_id in run.pending:
                self._change(_settled(run, request_id, path, reason))

    def _look(self, _: object = None) -> None:
        """What was taken off the queue will not be made."""
        for run in self.runs:
            for request_id in run.pending if self._restored else ():
                entry = self.make.queue.find(request_id)
                if (entry is None or entry.state == "failed") and request_id not in self._saving:
                    self._settle(request_id, reason=entry.reason if entry else tr("not made"))

    def _change(self, run: PlotRun) -> None:
        self.runs = tuple(run if each.id == run.id else each for each in self.runs)
        self.drawer.keep(self.runs)
        if not run.pending and run.plot.files:
            self.drawer.draw(run, lambda files: self._drawn(run, files), lambda e: self._not_drawn(run, e))

    def _drawn(self, run: PlotRun, files: Files) -> None:
        drawn = replace(run, sheet=files[0], page=files[1])
        self.runs = tuple(drawn if each.id == run.id else each for each in self.runs)
        self.drawer.keep(self.runs)

    def _not_drawn(self, run: PlotRun, error: MezzotintError) -> None:
        failed = replace(run, problem=f"{said(error.message)} {said(error.action)}")
        self.runs = tuple(failed if each.id == run.id else each for each in self.runs)
        self.make.studio.problem = Problem(error)


def _run(base: Request, x: Axis, y: Axis | None, requests: Mapping[Place, Request]) -> PlotRun:
    plot = Plot(
        title=base.prompt,
        shared=shared(base, x, y),
        x_title=title_of(x.setting),
        x_values=x.values,
        y_title=title_of(y.setting) if y else "",
        y_values=y.values if y else ("",),
        files={},
        problems={},
    )
    return PlotRun(
        id=uuid4().hex, plot=plot, pending={request.id: place for place, request in requests.items()}
    )


def title_of(setting: str) -> str:
    """What an axis is called, in the window's language."""
    axis = Axis(setting, ())
    return axis.title if setting.startswith(f"{LORA}:") else tr(axis.title)


def _settled(run: PlotRun, request_id: str, path: Path | None, reason: str) -> PlotRun:
    place = run.pending[request_id]
    pending = {other: each for other, each in run.pending.items() if other != request_id}
    files = {**run.plot.files, place: path} if path else run.plot.files
    problems = run.plot.problems if path else {**run.plot.problems, place: reason}
    return replace(run, plot=replace(run.plot, files=files, problems=problems), pending=pending)


# --- As plain data ------------------------------------------------------------------------------


def to_plain(run: PlotRun) -> dict[str, Any]:
    """For a JSON file."""
    plot = run.plot
    return {
        "id": run.id,
        "title": plot.title,
        "shared": plot.shared,
        "x": [plot.x_title, *plot.x_values],
        "y": [plot.y_title, *plot.y_values],
        "files": [[*place, str(path)] for place, path in plot.files.items()],
        "problems": [[*place, reason] for place, reason in plot.problems.items()],
        "pending": {request_id: list(place) for request_id, place in run.pending.items()},
        "sheet": str(run.sheet or ""),
        "page": str(run.page or ""),
    }


def from_plain(value: Mapping[str, Any]) -> PlotRun | None:
    """What `to_plain` made of a run; None for anything else."""
    try:
        plot = Plot(
            title=str(value["title"]),
            shared=str(value["shared"]),
            x_title=str(value["x"][0]),
            x_values=tuple(map(str, value["x"][1:])),
            y_title=str(value["y"][0]),
            y_values=tuple(map(str, value["y"][1:])),
            files={(int(column), int(row)): Path(path) for column, row, path in value["files"]},
            problems={(int(column), int(row)): str(reason) for column, row, reason in value["problems"]},
        )
        pending = {str(name): (int(place[0]), int(place[1])) for name, place in value["pending"].items()}
        sheet, page = (Path(value[name]) if value[name] else None for name in ("sheet", "page"))
        return PlotRun(id=str(value["id"]), plot=plot, pending=pending, sheet=sheet, page=page)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return None

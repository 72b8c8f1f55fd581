"""`mezzotint plot`: one picture for each pair of values of two settings, a sheet of all, and a page."""

from __future__ import annotations

import contextlib
import datetime
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from backends.core.contract import InvalidRequest, MezzotintError, Stages
from desktop.cli.generate import Making, choose_output
from desktop.cli.generate_options import PlotOptions
from desktop.cli.plan import Plan, make_plan
from desktop.cli.show import Progress, choose_progress, printable, say
from desktop.cli.stop import INTERRUPTED, Stop
from desktop.library import paths, saving
from desktop.library.destination import Destination
from desktop.library.keeping import Keeper
from desktop.library.naming import picture_stem
from desktop.library.plot_files import save_plot
from desktop.library.plot_sheet import Place, Plot
from desktop.library.plots import Axis, cells, parse_axis, shared, vary

if TYPE_CHECKING:
    from backends.core.relay import Relay


def run(options: PlotOptions, stop: Stop) -> int:
    """Makes the pictures, the sheet and the page. Returns the exit code; raises a MezzotintError."""
    x, y = parse_axis(options.x), parse_axis(options.y) if options.y else None
    sheet = _Sheet(options, x, y)
    with choose_progress(wanted=not (options.json or options.quiet)) as progress:
        try:
            sheet.make(progress, stop)
        except KeyboardInterrupt:
            say("Stopped.")
            sheet.stopped = True
        if not sheet.files:
            sheet.tidy()
            raise _no_picture(sheet)
        paths_made = sheet.save()
    for path in paths_made:
        print(path, flush=True)
    if sheet.stopped:
        return INTERRUPTED
    return 1 if sheet.problems else 0


def _no_picture(sheet: _Sheet) -> MezzotintError:
    reason = next(iter(sheet.problems.values()), "It was stopped before the first was made.")
    return InvalidRequest("The plot has no picture.", reason)


@dataclass
class _Sheet:
    """A plot, and what has been made of it."""

    options: PlotOptions
    x: Axis
    y: Axis | None
    plans: dict[Place, Plan] = field(default_factory=dict[Place, Plan])
    files: dict[Place, Path] = field(default_factory=dict[Place, Path])
    problems: dict[Place, str] = field(default_factory=dict[Place, str])
    stopped: bool = False

    def __post_init__(self) -> None:
        if self.options.out and Path(self.options.out).suffix.lower() in (".png", ".html"):
            raise InvalidRequest(
                "A plot is a folder of pictures, with a sheet and a page.", "Give a folder with --out."
            )
        base = make_plan(self.options)
        if base.request.count > 1:
            raise InvalidRequest("A plot has one picture a cell.", "Leave out --count; use an axis of seeds.")
        plans = {place: self._plan(base, *place) for place in cells(self.x, self.y)}
        self._title, self._folder = base.request.prompt, _folder(self.options, base)
        self.plans = {place: self._placed(plan, place) for place, plan in plans.items()}

    def make(self, progress: Progress, stop: Stop) -> None:
        """All cells, each model opened once."""
        with contextlib.closing(Keeper(progress.note)) as keeper:
            for _, places in groupby(self.plans, key=lambda place: self.plans[place].model_folder):
                self._make_those(list(places), progress, stop, keeper)

    def _make_those(self, places: list[Place], progress: Progress, stop: Stop, keeper: Keeper) -> None:
        output = choose_output(self.options)
        work = {place: Making(self.plans[place], progress, output, stop, keeper) for place in places}
        with work[places[0]].opened() as (stages, relay):
            for place in places:
                number = len(self.files) + len(self.problems) + 1
                progress.stage(f"Picture {number} of {len(self.plans)}: {self.plot.words(place)}")
                self._make_one(place, work[place], stages, relay)

    def _make_one(self, place: Place, work: Making, stages: Stages, relay: Relay | None) -> None:
        """A cell that can't be made says why in its place; the others are made all the same."""
        try:
            work.make(stages, relay)
        except MezzotintError as error:
            self.problems[place] = str(error)
            work.progress.note(f"{self.plot.words(place)}: {error}")
            return
        self.files[place] = work.saved[-1].path

    def save(self) -> tuple[Path, Path]:
        """The sheet's and the page's files."""
        return save_plot(self.plot, self._folder, "plot")

    def tidy(self) -> None:
        """Removes the folder when nothing is in it."""
        with contextlib.suppress(OSError):
            self._folder.rmdir()

    @property
    def plot(self) -> Plot:
        plan = next(iter(self.plans.values()))
        return Plot(
            title=self._title,
            shared=printable(shared(plan.request, self.x, self.y)),
            x_title=self.x.title,
            x_values=self.x.values,
            y_title=self.y.title if self.y else "",
            y_values=self.y.values if self.y else ("",),
            files=self.files,
            problems=self.problems,
        )

    def _plan(self, base: Plan, column: int, row: int) -> Plan:
        request = vary(base.request, self.x, column, self.y, row)
        if request.model == base.request.model:
            return replace(base, request=request)
        chosen = make_plan(replace(self.options, model=request.model, seed=request.seed))
        request = replace(request, model=chosen.request.model)
        return replace(base, request=request, model_folder=chosen.model_folder)

    def _placed(self, plan: Plan, place: Place) -> Plan:
        stem = f"{place[0] + 1:02}-{place[1] + 1:02}"
        return replace(plan, destination=Destination(self._folder, stem))


def _folder(options: PlotOptions, base: Plan) -> Path:
    """A new folder of the plot's own. Raises SaveFailed."""
    parent = Path(options.out).absolute() if options.out else paths.pictures_folder()
    saving.make_folder(parent)
    stem = f"plot-{picture_stem(datetime.date.today(), base.request.seed, base.request.prompt)}"
    names = (stem if number == 1 else f"{stem}-{number}" for number in range(1, 10_000))
    folder = next(parent / name for name in names if not (parent / name).exists())
    saving.make_folder(folder)
    return folder

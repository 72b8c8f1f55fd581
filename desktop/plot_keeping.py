"""Where the window's plots are kept: their list in a file of its own, their sheets beside the pictures."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from backends.core.contract import MezzotintError
from desktop.errands import Errands
from desktop.keeping import picture_destination
from desktop.library import paths
from desktop.library.naming import slug
from desktop.library.settings_file import read_settings, write_settings
from desktop.model.plots import Files, PlotRun, from_plain, to_plain
from desktop.model.settings import Settings

_FOLDER = "plots"


def plots_path() -> Path:
    """The list of plots."""
    return paths.config_folder() / "plots.json"


def read_plots() -> list[PlotRun]:
    """The plots of before, without those that can't be read."""
    listed: object = read_settings(plots_path()).get("plots", [])
    plain = cast(list[Any], listed) if isinstance(listed, list) else []
    return [run for run in map(from_plain, plain) if run is not None]


class PlotDrawer:
    """Does it in the errands' thread."""

    def __init__(self, errands: Errands, settings: Settings) -> None:
        self._errands, self._settings = errands, settings

    def keep(self, runs: Sequence[PlotRun]) -> None:
        plain = {"plots": [to_plain(run) for run in runs]}
        self._errands.run(lambda: write_settings(plots_path(), plain), lambda _: None, lambda _: None)

    def draw(
        self, run: PlotRun, then: Callable[[Files], None], failed: Callable[[MezzotintError], None]
    ) -> None:
        folder = picture_destination(self._settings).folder / _FOLDER
        stem = "-".join(filter(None, ("plot", datetime.date.today().isoformat(), slug(run.plot.title))))
        self._errands.run(lambda: _save(run, folder, stem), then, failed)


def _save(run: PlotRun, folder: Path, stem: str) -> Files:
    from desktop.library.plot_files import save_plot  # with Pillow, which few starts need

    return save_plot(run.plot, folder, stem)

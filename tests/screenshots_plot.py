"""The states of the Plot tab, for the screenshots."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from desktop.library import paths
from desktop.library.plot_files import save_plot
from desktop.library.png import encode_png
from desktop.model.plots import PlotRun
from tests import screenshots_gallery

if TYPE_CHECKING:
    from desktop.view.plot_tab import PlotTab
    from tests.screenshots import Scene


def plot_empty(scene: Scene) -> None:
    """Nothing is plotted yet."""
    _tab(scene)


def plot_wrong(scene: Scene) -> None:
    """A value can't be used."""
    tab = _tab(scene)
    tab.across.values.setText("1-7 (+2)")
    scene.workshop.plots.y_setting = "steps"
    tab.down.values.setText("2,4")


def plot_done(scene: Scene) -> None:
    """A plot with a picture that could not be made, and one that is being made."""
    from tests.screenshots import picture

    desk, tab = scene.workshop.plots, _tab(scene)
    desk.y_setting, desk.x_values, desk.y_values = "guidance", "5, 10, 20, 40", "1-7 (+3)"
    desk.restore(())
    scene.make.work.pause(paused=True)
    desk.start()
    run, folder = desk.runs[0], paths.pictures_folder()
    files: dict[tuple[int, int], Path] = {}
    folder.mkdir(parents=True, exist_ok=True)
    for number, place in enumerate(run.plot.places[:-1]):
        files[place] = folder / f"plot-{number}.png"
        files[place].write_bytes(encode_png(picture(number, 128, 128, 128), {}))
    problem = {run.plot.places[-1]: "There is too little memory for a picture of 512 x 512. Use 256 x 256."}
    plot = replace(run.plot, files=files, problems=problem)
    sheet, page = save_plot(plot, folder, "plot")
    done: PlotRun = replace(run, id="done", plot=plot, pending={}, sheet=sheet, page=page)
    desk.runs = (run, done)
    tab.list.setCurrentRow(1)
    screenshots_gallery.wait(lambda: tab.sheet.image is not None)


def _tab(scene: Scene) -> PlotTab:
    screen = scene.window.make_screen
    screen.show_tab("plot")
    return cast("PlotTab", screen.shown.built["plot"])


STATES = (plot_empty, plot_wrong, plot_done)

"""The Plot tab through its widgets: two axes become jobs, and the jobs' pictures a sheet and a page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from desktop.keeping import Keeping
from desktop.model.form import ModelChoice
from desktop.model.plots import PlotRun, from_plain, to_plain
from desktop.plot_keeping import plots_path, read_plots
from desktop.session import Session
from desktop.shelf import Shelf
from desktop.view.app import Workshop
from desktop.view.plot_tab import PlotTab
from tests.desktop.window_kit import LARGE, SMALL, Wait, type_prompt, wait
from tests.fakes import FAKE_ENGINE

__all__ = ["wait"]


def open_shop(qtbot: QtBot) -> Workshop:
    shelf = Shelf()
    models = (
        ModelChoice(name="small", title="Small", folder=Path("a"), defaults=SMALL),
        ModelChoice(name="large", title="Large", folder=Path("b"), defaults=LARGE),
    )
    workshop = Workshop(Session(Keeping(shelf), FAKE_ENGINE), shelf, models)
    qtbot.addWidget(workshop.window)
    workshop.open()
    qtbot.waitExposed(workshop.window)
    return workshop


@pytest.fixture
def shop(qtbot: QtBot, home: Path) -> Iterator[Workshop]:
    workshop = open_shop(qtbot)
    yield workshop
    workshop.close()


def tab_of(shop: Workshop) -> PlotTab:
    screen = shop.window.make_screen
    screen.tabs.buttons["plot"].click()
    return cast(PlotTab, screen.shown.built["plot"])


def write(qtbot: QtBot, field: QLineEdit, text: str) -> None:
    field.selectAll()
    qtbot.keyClicks(field, text)


def choose(tab: PlotTab, across: str, down: str = "") -> None:
    for fields, setting in ((tab.across, across), (tab.down, down)):
        fields.setting.setCurrentIndex(fields.setting.findData(setting))
        fields.setting.activated.emit(fields.setting.currentIndex())


def test_two_settings_become_a_sheet_and_a_page(qtbot: QtBot, shop: Workshop, wait: Wait) -> None:
    tab = tab_of(shop)
    type_prompt(shop, "a fox")
    choose(tab, "steps", "prompt")
    write(qtbot, tab.across.values, "2,3")
    write(qtbot, tab.down.values, "fox,cat")
    assert tab.about.text().startswith("4 pictures")
    qtbot.mouseClick(tab.begin, Qt.MouseButton.LeftButton)
    assert tab.list.count() == 1
    wait(lambda: tab.open_page.isEnabled())
    (run,) = shop.plots.runs
    assert (run.made, run.count, run.pending) == (4, 4, {})
    requests = {made.request.prompt: made.request for made in shop.make.studio.recent}
    assert set(requests) == {"a fox", "a cat"}
    assert len({made.request.seed for made in shop.make.studio.recent}) == 1
    assert run.sheet is not None
    assert run.sheet.is_file()
    assert run.page is not None
    assert "Prompt cat" in run.page.read_text()
    wait(lambda: tab.sheet.image is not None)
    assert "4 of 4" in tab.list.item(0).text()


def test_what_is_missing_is_told_beside_the_button_and_when_it_is_pressed(
    qtbot: QtBot, shop: Workshop
) -> None:
    tab = tab_of(shop)
    assert not tab.begin.isEnabled()
    assert tab.about.text() == ""
    choose(tab, "steps", "steps")
    write(qtbot, tab.across.values, "2,3")
    write(qtbot, tab.down.values, "4")
    assert "same setting" in tab.about.text()
    choose(tab, "sampler")
    write(qtbot, tab.across.values, "Euler,nonsense")
    qtbot.mouseClick(tab.begin, Qt.MouseButton.LeftButton)
    assert shop.make.studio.problem is not None
    assert "nonsense" in shop.make.studio.problem.error.message
    assert shop.plots.runs == ()
    assert shop.make.queue.entries == ()


def test_the_models_of_an_axis_go_by_their_titles(qtbot: QtBot, shop: Workshop, wait: Wait) -> None:
    tab = tab_of(shop)
    choose(tab, "model")
    write(qtbot, tab.across.values, "Small, large")
    shop.make.work.pause(paused=True)
    qtbot.mouseClick(tab.begin, Qt.MouseButton.LeftButton)
    found = [(entry.job.request.model, entry.job.model_folder) for entry in shop.make.queue.entries]
    assert found == [("small", Path("a")), ("large", Path("b"))]


def test_what_is_taken_off_the_queue_is_left_empty(qtbot: QtBot, shop: Workshop, wait: Wait) -> None:
    tab = tab_of(shop)
    wait(lambda: shop.plots._restored)
    write(qtbot, tab.across.values, "2,3,4")
    shop.make.work.pause(paused=True)
    qtbot.mouseClick(tab.begin, Qt.MouseButton.LeftButton)
    shop.make.work.cancel(shop.make.queue.waiting[1].id)
    assert shop.plots.runs[0].plot.problems == {(1, 0): "not made"}
    shop.make.work.pause(paused=False)
    wait(lambda: tab.open_sheet.isEnabled())
    assert sorted(shop.plots.runs[0].plot.files) == [(0, 0), (2, 0)]
    assert "2 of 3" in tab.list.item(0).text()


def test_a_plot_goes_on_after_the_window_was_closed(qtbot: QtBot, home: Path, wait: Wait) -> None:
    first = open_shop(qtbot)
    tab = tab_of(first)
    write(qtbot, tab.across.values, "2,3")
    first.make.work.pause(paused=True)
    qtbot.mouseClick(tab.begin, Qt.MouseButton.LeftButton)
    first.close()
    second = open_shop(qtbot)
    wait(lambda: second.plots.runs)
    assert len(second.plots.runs[0].pending) == 2
    second.make.work.pause(paused=False)
    wait(lambda: second.plots.runs[0].sheet)
    assert second.plots.runs[0].made == 2
    second.close()
    assert read_plots() == list(second.plots.runs)


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"plots": 3}', '{"plots": [{}, 3, null, {"id": "x"}]}', '{"plots": [{"x": []}]}']
)
def test_a_damaged_list_of_plots_is_none(qtbot: QtBot, home: Path, text: str, wait: Wait) -> None:
    plots_path().parent.mkdir(parents=True, exist_ok=True)
    plots_path().write_text(text)
    shop = open_shop(qtbot)
    wait(lambda: shop.plots._restored)
    assert shop.plots.runs == ()
    shop.close()


def test_a_run_as_plain_data_is_the_same_again(tmp_path: Path, shop: Workshop) -> None:
    plot = shop.plots
    plot.x_values = "2,3"
    shop.make.work.pause(paused=True)
    assert plot.start()
    run: PlotRun = plot.runs[0]
    assert from_plain(json.loads(json.dumps(to_plain(run)))) == run

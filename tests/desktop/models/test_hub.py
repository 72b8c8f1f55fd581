"""Downloads through the Models screen's real widgets: offers, the question, pause, cancel, another day."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from desktop.children import Children
from desktop.config import Config
from desktop.downloads.client import set_offline
from desktop.errands import Errands
from desktop.library.settings_file import read_settings, settings_path
from desktop.model.backends import BackendState
from desktop.model.form import ModelChoice
from desktop.view.models.hub_page import HubPage
from desktop.view.models.screen import ModelsScreen
from tests.desktop.models.kit import BUTTON, StillRunner, chore, install, refreshed, show
from tests.desktop.still import SMALL
from tests.desktop.still_window import StillShop
from tests.downloads.unreliable_hub import REPO, Hub, serving
from tests.fakes import FAKE_BACKEND
from tests.tiny_models import EPSILON, make_tiny_model

FITS = {"verdict": "fits", "need": 2.9e9, "free": 6.2e9}
VERDICTS = [{"backend": "fake", "fit": FITS, "problem": None}]
TINY: dict[str, Any] = {
    "name": "tiny-one", "title": "Tiny One", "licence": "MIT", "gigabytes": 2.1, "steps": 4, "words": "Small",
    "checked": "all of it",
}  # fmt: skip


def open_hub(shop: StillShop, qtbot: QtBot, runner: StillRunner) -> tuple[ModelsScreen, HubPage]:
    """The page with one recommended model, which costs a command and no network."""
    shop.backends.found = (BackendState(FAKE_BACKEND),)
    screen = show(shop, qtbot)
    shop.models_room.hub._runner = runner
    screen.add_menu.actions()[0].trigger()
    listing = runner.of("desktop", "download", "--list")[-1]
    listing.say(offline=True, models=[TINY], waiting=[])
    assert [each.words for each in screen.hub.rows["tiny-one"].fits] == ["Looking what it needs here"]
    listing.say(name="tiny-one", verdicts=VERDICTS)
    listing.end()
    return screen, screen.hub


def test_who_has_no_refiner_is_led_here(shop: StillShop, qtbot: QtBot, runner: StillRunner) -> None:
    shop.models_room.hub._runner = runner
    base = ModelChoice(
        name="xl", title="XL", folder=Path("xl"), defaults=SMALL, family="sdxl", has_refiner=True
    )
    shop.make.offer([base])
    shop.make.form.use_model(base)
    shop.window.form.more.button.setChecked(True)
    qtbot.mouseClick(shop.window.form.refiner.fetch, BUTTON)
    screen = shop.window.built["models"]
    assert isinstance(screen, ModelsScreen)
    assert screen.hub.isVisible()


def fetching(runner: StillRunner) -> list[Any]:
    return runner.of("desktop", "download", "tiny-one")


def begin(shop: StillShop, qtbot: QtBot, runner: StillRunner) -> tuple[ModelsScreen, Any]:
    shop.settings.offline = False
    screen, page = open_hub(shop, qtbot, runner)
    qtbot.mouseClick(page.rows["tiny-one"].button, BUTTON)
    qtbot.waitUntil(lambda: fetching(runner) != [])
    return screen, fetching(runner)[-1]


def test_licence_size_and_fit_are_said_before(shop: StillShop, qtbot: QtBot, runner: StillRunner) -> None:
    screen, page = open_hub(shop, qtbot, runner)
    row = page.rows["tiny-one"]
    assert row.about.text() == "2.1 GB, 4 steps. Licence: MIT"
    assert [each.words for each in row.fits] == ["✓  Fake: Fits: needs 2.9 GB of memory"]
    assert row.button.isEnabled()
    assert page.question.isHidden()
    assert fetching(runner) == []
    page.back.click()
    screen.show_hub()
    assert len(runner.of("desktop", "download", "--list")) == 1  # it takes seconds of computing


def test_offline_is_asked_about_first(shop: StillShop, qtbot: QtBot, runner: StillRunner, home: Path) -> None:
    config = Config()
    config.settings = shop.settings
    config.keep(shop.errands, lambda error: pytest.fail(str(error)))
    _, page = open_hub(shop, qtbot, runner)
    qtbot.mouseClick(page.rows["tiny-one"].button, BUTTON)
    assert "Offline is on. To get Tiny One" in page.question.words.text()
    qtbot.mouseClick(page.question.stay, BUTTON)
    assert page.question.isHidden()
    assert shop.settings.offline
    qtbot.mouseClick(page.rows["tiny-one"].button, BUTTON)
    qtbot.mouseClick(page.question.allow, BUTTON)
    qtbot.waitUntil(lambda: fetching(runner) != [])
    assert read_settings(settings_path())["offline"] is False  # the command, another process, reads it there
    assert page.question.isHidden()


def test_progress_pause_and_going_on(shop: StillShop, qtbot: QtBot, runner: StillRunner, home: Path) -> None:
    screen, command = begin(shop, qtbot, runner)
    assert command.words == ["desktop", "download", "tiny-one", "--name", "tiny-one", "--json"]
    line = chore(screen)
    assert line.title.text() == "Downloading tiny-one"
    assert line.words.text().startswith("Asking the hub")
    assert screen.hub.rows["tiny-one"].button.text() == "On its way"
    command.say(plan={"bytes": 2_000_000_000, "licence": "openrail++"})
    command.say(file="x", done=500_000_000, of=2_000_000_000)
    assert line.words.text().startswith("500 MB of 2.0 GB, Licence: openrail++")
    assert line.bar.value() * 4 == line.bar.maximum()
    assert line.stop.text() == "Pause"
    qtbot.mouseClick(line.stop, BUTTON)
    assert command.stopped
    command.print("What came is kept: the same command goes on from there.")
    command.end(130)
    assert line.words.text() == "Paused at 500 MB of 2.0 GB; it goes on from there, another day too."
    qtbot.mouseClick(line.go_on, BUTTON)
    again = fetching(runner)[-1]
    assert again is not command
    again.say(file="x", done=2_000_000_000, of=2_000_000_000)
    install(home, "tiny-one")
    again.end()
    refreshed(screen, qtbot, "tiny-one")
    assert not screen.chore_rows
    assert screen.hub.rows["tiny-one"].button.text() == "It is here"


def test_cancelling_removes_what_came(shop: StillShop, qtbot: QtBot, runner: StillRunner) -> None:
    screen, command = begin(shop, qtbot, runner)
    line = chore(screen)
    command.say(file="x", done=5, of=10)
    qtbot.mouseClick(line.throw_away, BUTTON)
    assert command.stopped
    assert runner.of("desktop", "download", "--discard") == []  # while it runs it holds the files
    command.end(130)
    (discard,) = runner.of("desktop", "download", "--discard")
    assert discard.words[3] == "tiny-one"
    assert not screen.chore_rows
    assert screen.hub.rows["tiny-one"].button.isEnabled()


def test_turning_offline_on_pauses(shop: StillShop, qtbot: QtBot, runner: StillRunner) -> None:
    screen, command = begin(shop, qtbot, runner)
    shop.models_room.hub.download(screen.hub.rows["tiny-one"].offer)
    assert len(fetching(runner)) == 1  # it is on its way already
    shop.settings.offline = True
    assert command.stopped
    command.end(130)
    assert chore(screen).chore.state == "stopped"


def test_a_failure_says_why_and_goes_on_later(shop: StillShop, qtbot: QtBot, runner: StillRunner) -> None:
    screen, command = begin(shop, qtbot, runner)
    command.print("x of y does not come through (ReadTimeout). Check the connection and run it again.")
    command.end(1)
    assert "does not come through" in chore(screen).words.text()
    assert chore(screen).go_on.text() == "Go on"


def test_any_other_model_is_looked_up_before_it_is_fetched(
    shop: StillShop, qtbot: QtBot, runner: StillRunner
) -> None:
    shop.settings.offline = False
    _, page = open_hub(shop, qtbot, runner)
    qtbot.keyClicks(page.repo, "ada")
    assert not page.look_up.isEnabled()
    qtbot.keyClicks(page.repo, "/foxes")
    qtbot.mouseClick(page.look_up, BUTTON)
    qtbot.waitUntil(lambda: runner.of("desktop", "download", "ada/foxes") != [])
    looking = runner.of("desktop", "download", "ada/foxes")[-1]
    assert looking.words[3:] == ["--check", "--json"]
    plan = {"repo": "ada/foxes", "name": "foxes", "licence": "", "bytes": 34_000_000, "verdicts": VERDICTS}
    looking.say(plan=plan)
    looking.end()
    assert page.checked is not None
    assert page.checked.about.text() == "34 MB. Licence: its page names no licence"
    qtbot.mouseClick(page.checked.button, BUTTON)
    qtbot.waitUntil(lambda: runner.of("desktop", "download", "ada/foxes", "--name") != [])
    qtbot.keyClick(page.repo, "s")
    qtbot.mouseClick(page.look_up, BUTTON)
    qtbot.waitUntil(lambda: runner.of("desktop", "download", "ada/foxess") != [])
    runner.commands[-1].print("The hub has no ada/foxess, or not this revision of it. Check the name.")
    runner.commands[-1].end(1)
    assert "The hub has no ada/foxess" in page.notice.text()


def test_the_token_goes_into_the_keyring(
    shop: StillShop, qtbot: QtBot, runner: StillRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[tuple[str, ...]] = []
    ring = SimpleNamespace(set_password=lambda *told: kept.append(told))
    monkeypatch.setitem(sys.modules, "keyring", ring)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    _, page = open_hub(shop, qtbot, runner)
    page.signing.button.setChecked(True)
    qtbot.keyClicks(page.token, "hf_abcdefgh")
    qtbot.mouseClick(page.keep, BUTTON)
    qtbot.waitUntil(lambda: page.notice.text() != "")
    assert page.notice.text() == "The token is in the system's keyring."
    assert kept == [("Mezzotint", "http://127.0.0.1:1", "hf_abcdefgh")]
    assert page.token.text() == ""
    qtbot.keyClicks(page.token, "no")
    qtbot.mouseClick(page.keep, BUTTON)
    qtbot.waitUntil(lambda: page.notice.text().startswith("That is no token."))


def test_what_another_process_wrote_into_the_settings_stays(qtbot: QtBot, home: Path) -> None:
    config, errands = Config(), Errands()
    config.keep(errands, lambda error: pytest.fail(str(error)))
    set_offline(False)
    config.settings.theme = "light"
    errands.close()
    told = read_settings(settings_path())
    assert (told["offline"], told["theme"]) == (False, "light")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    made = make_tiny_model(tmp_path / "made", EPSILON)
    files = {p.relative_to(made).as_posix(): p.read_bytes() for p in made.rglob("*") if p.is_file()}
    with serving(Hub(files, pause=0.005)) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "nobody's"))
        yield hub


@pytest.mark.thorough
def test_from_a_real_hub_paused_and_finished_another_day(qtbot: QtBot, home: Path, hub: Hub) -> None:
    """Real commands against the server on the loopback; the window is closed in between."""
    set_offline(False)
    first = StillShop(home)
    first.settings.offline = False
    qtbot.addWidget(first.window)
    first.window.show()
    screen = show(first, qtbot, "tiny")
    first.models_room.desk._runner = Children(first.window)
    first.models_room.desk.fetch(REPO, "a-model")
    line = chore(screen)
    qtbot.waitUntil(lambda: line.chore.done > 100_000)
    qtbot.mouseClick(line.stop, BUTTON)
    qtbot.waitUntil(lambda: line.chore.state == "stopped")
    assert not (home / "models" / "a-model").exists()
    first.close()
    hub.pause = 0.0
    second = StillShop(home)
    qtbot.addWidget(second.window)
    second.window.show()
    screen = show(second, qtbot, "tiny")
    assert chore(screen).words.text().startswith("Paused at ")
    qtbot.mouseClick(chore(screen).go_on, BUTTON)
    refreshed(screen, qtbot, "a-model")
    assert json.loads((home / "models/a-model/model.json").read_text())["licence"] == "openrail++"
    assert not screen.chore_rows
    second.close()

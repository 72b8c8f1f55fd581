"""Settings and keys through their real widgets: every setting takes effect."""

# ruff: noqa: F811  fixtures are imported

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel
from pytestqt.qtbot import QtBot

from backends.core.contract import Option, PictureReady
from desktop.application import model_choices
from desktop.config import Config
from desktop.errands import Errands
from desktop.keeping import Keeping
from desktop.library.foreign import read_recipe
from desktop.model.backends import BackendState
from desktop.model.keys import ACTIONS, keys_for, rebind
from desktop.model.network import network_uses
from desktop.model.settings import Settings
from desktop.model.start import StartPicture
from desktop.model.studio import Made
from desktop.shelf import Shelf
from desktop.view import theme
from desktop.view.app import Workshop, dress
from desktop.view.keys_screen import KeysScreen
from desktop.view.settings_screen import SettingsScreen
from tests.desktop.still_window import StillShop, still  # noqa: F401  a fixture
from tests.desktop.window_kit import Wait, shelf, shop, wait  # noqa: F401  fixtures
from tests.fakes import FAKE_BACKEND, UNABLE, fake_job, square

BUTTON = Qt.MouseButton.LeftButton
OPTION = Option(id="memory", label="Memory", help="How much may be used.", choices=("all", "little"))
ABLE = replace(FAKE_BACKEND, options=(OPTION, Option(id="note", label="Note", help="Free text.")))


def open_settings(shop: Workshop) -> SettingsScreen:
    return cast(SettingsScreen, shop.window.show_screen("settings"))


def test_backends_options_and_the_automatic_choice(still: StillShop, qtbot: QtBot) -> None:
    screen = open_settings(still)
    hardware = screen.hardware
    assert "Looking" in hardware.why.text()
    better = replace(UNABLE, id="better", name="Better")
    still.backends.found = (BackendState(better, "It needs a card: buy one."), BackendState(ABLE))
    assert hardware.why.text() == "Automatic is Fake here: Better would be faster but can't run."
    assert list(hardware.choices) == ["auto", "better", "fake"]
    assert hardware.choices["auto"].isChecked()
    qtbot.mouseClick(hardware.choices["fake"], BUTTON)
    assert still.settings.backend == "fake"
    box = hardware.options["memory"]
    box.setCurrentIndex(1)  # pyright: ignore[reportAttributeAccessIssue]
    box.activated.emit(1)  # pyright: ignore[reportAttributeAccessIssue]
    still.make.generate()
    job = still.bench.jobs[-1]
    assert (job.backend, job.options) == ("fake", {"memory": "little"})
    qtbot.mouseClick(hardware.choices["better"], BUTTON)
    assert not hardware.try_it.isEnabled()
    assert hardware.choices["better"].accessibleDescription() == "It needs a card: buy one."


def test_trying_a_backend_in_the_worker(qtbot: QtBot, shop: Workshop, wait: Wait) -> None:
    screen = open_settings(shop)
    wait(lambda: len(shop.backends.found) == 2)
    assert "Fake" in screen.hardware.why.text()
    qtbot.mouseClick(screen.hardware.try_it, BUTTON)
    assert not screen.hardware.try_it.isEnabled()
    wait(lambda: not shop.try_out.trial.running)
    assert "s a step" in screen.hardware.result.text()
    assert "GB of memory" in screen.hardware.result.text()
    assert screen.hardware.look.isVisible()
    assert shop.make.studio.recent == ()
    assert shop.make.queue.entries == ()
    shop.backends.found = ()
    qtbot.mouseClick(screen.hardware.check, BUTTON)
    wait(lambda: len(shop.backends.found) == 2)


def test_file_names(still: StillShop, qtbot: QtBot) -> None:
    screen = open_settings(still)
    still.make.form.seed = 5
    screen.template.selectAll()
    qtbot.keyClicks(screen.template, "x-{seed}")
    assert still.settings.name_template == "x-{seed}"
    assert "x-5.png" in screen.name_look.text()
    qtbot.keyClicks(screen.template, "{sead}")
    assert "sead" in screen.name_look.text()
    assert still.settings.name_template == "x-{seed}"


@pytest.fixture
def made() -> Made:
    request = fake_job("a fox", seed=9).request
    ready = PictureReady(request.id, 0, 9, square(64, 64, 9), {}, {})
    return Made(request, ready, start=StartPicture(b"bytes", "cat.png", "~/cat.png"))


def test_folder_name_and_metadata_of_what_is_saved(home: Path, tmp_path: Path, made: Made) -> None:
    settings = Settings(picture_folder=str(tmp_path / "mine"), name_template="{prompt} {seed}")
    shelf = Shelf()
    path = Keeping(shelf, settings)(made)
    assert path == tmp_path / "mine" / "a-fox 9.png"
    init = read_recipe(path).record.init_image
    assert init is not None
    assert (init.name, init.sha256) == ("cat.png", made.start.sha256 if made.start else "")
    settings.write_metadata = False
    plain = Keeping(shelf, settings)(made)
    shelf.close()
    assert plain.name == "a-fox 9-2.png"
    assert b"a fox" not in plain.read_bytes()


def test_model_folders(still: StillShop, home: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot) -> None:
    other = home / "models"
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(other / "tiny"))
    screen = open_settings(still)
    qtbot.mouseClick(screen.model_folders.add, BUTTON)
    assert still.settings.model_folders == (str(other / "tiny"),)
    assert [choice.title for choice in model_choices(still.settings)].count("tiny") == 2
    qtbot.mouseClick(screen.model_folders.buttons[0], BUTTON)
    assert still.settings.model_folders == ()


def test_previews_and_offline(still: StillShop, qtbot: QtBot) -> None:
    screen = open_settings(still)
    screen.previews.click()
    still.make.generate()
    assert not still.bench.jobs[-1].previews
    assert screen.offline.isChecked()
    assert still.window.bar.offline.isVisible()
    screen.offline.click()
    assert not still.settings.offline
    assert not still.window.bar.offline.isVisible()
    told = {label.text() for label in screen.findChildren(QLabel)}
    assert {text for use in network_uses().values() for text in (use.title, use.what)} <= told


def test_the_theme_is_worn_at_once(still: StillShop) -> None:
    app = cast(QApplication, QApplication.instance())
    dress(app, still.settings)
    screen = open_settings(still)
    screen.theme.activated.emit(screen.theme.findData("light"))
    assert theme.current() == theme.LIGHT
    screen.theme.activated.emit(screen.theme.findData("dark"))
    assert theme.current() == theme.DARK


def test_every_change_is_in_the_file(qtbot: QtBot, home: Path) -> None:
    config, errands = Config(), Errands()
    config.keep(errands, lambda error: pytest.fail(str(error)))
    config.settings.theme = "light"
    errands.close()
    entries = json.loads((home / "config" / "settings.json").read_text())
    assert entries["theme"] == "light"
    assert Config().settings.theme == "light"


def test_a_damaged_file_of_settings_is_said_once(qtbot: QtBot, home: Path) -> None:
    (home / "config").mkdir()
    (home / "config" / "settings.json").write_text("{")
    config, errands, said = Config(), Errands(), list[str]()
    config.keep(errands, lambda error: said.append(str(error)))
    errands.close()
    assert len(said) == 1
    assert config.settings == Settings()


def test_keys_can_be_changed_and_put_back(still: StillShop, qtbot: QtBot) -> None:
    screen = cast(KeysScreen, still.window.show_screen("keys"))
    edit = screen.edits["generate"]
    edit.setKeySequence(QKeySequence("F5"))
    edit.editingFinished.emit()
    assert keys_for("generate", still.settings) == "F5"
    still.window.show_screen("make")
    qtbot.keyClick(still.window.form.prompt, Qt.Key.Key_F5)
    assert len(still.bench.jobs) == 1
    qtbot.keyClick(still.window.form.prompt, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert len(still.bench.jobs) == 1
    still.window.show_screen("keys")
    edit = screen.edits["seed"]
    edit.setKeySequence(QKeySequence("F5"))
    edit.editingFinished.emit()
    assert "taken" in screen.problem.text()
    assert keys_for("seed", still.settings) == "S"
    qtbot.mouseClick(screen.resets["generate"], BUTTON)
    assert still.settings.keys == {}


def test_every_action_has_its_own_keys() -> None:
    settings = Settings()
    for name, action in ACTIONS.items():
        if not action.fixed:
            assert rebind(name, action.keys, settings) is None, name


def test_letters_are_text_while_typing_and_keys_otherwise(still: StillShop, qtbot: QtBot) -> None:
    window, prompt = still.window, still.window.form.prompt
    prompt.clear()
    prompt.setFocus()
    qtbot.keyClicks(prompt, "spa?")
    assert prompt.toPlainText() == "spa?"
    assert window.make_screen.isVisible()
    window.form.generate.setFocus()
    qtbot.keyClick(window.form.generate, Qt.Key.Key_A)
    assert window.form.leave_out.button.isChecked()
    assert window.form.more.button.isChecked()
    qtbot.keyClick(window.form.generate, Qt.Key.Key_S)
    assert window.form.seed.edit.hasFocus()
    window.form.generate.setFocus()
    qtbot.keyClick(window.form.generate, Qt.Key.Key_P)
    assert prompt.hasFocus()
    window.form.generate.setFocus()
    qtbot.keyClick(window.form.generate, Qt.Key.Key_Question)
    assert window.make_screen.isHidden()


def test_the_front_of_the_queue_by_key(still: StillShop, qtbot: QtBot) -> None:
    for prompt in ("a", "b"):
        still.make.form.prompt = prompt
        still.make.generate()
    still.make.form.prompt = "urgent"
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(still.window.form.prompt, Qt.Key.Key_Return, both)
    assert [entry.job.request.prompt for entry in still.make.queue.entries] == ["a", "urgent", "b"]

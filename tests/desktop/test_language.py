"""Another language at once: the window is opened anew, and nothing that was in it is lost."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import cast

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.core.contract import Event, StepDone
from desktop import application
from desktop.model.language import ENGLISH, speak, spoken
from desktop.session import Session
from desktop.shown import Shown
from desktop.view.settings_screen import SettingsScreen
from tests.fakes import FAKE_ENGINE


@pytest.fixture
def shown(qtbot: QtBot, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shown]:
    monkeypatch.setattr(application, "Session", partial(Session, engine=FAKE_ENGINE))
    monkeypatch.setenv("LANGUAGE", ENGLISH)
    opened = Shown(cast(QApplication, QApplication.instance()), application.open_workshop)
    yield opened
    opened.close()
    opened.workshop.window.close()
    opened.workshop.window.deleteLater()
    speak(ENGLISH)


def choose(qtbot: QtBot, shown: Shown, language: str) -> SettingsScreen:
    screen = cast(SettingsScreen, shown.workshop.window.show_screen("settings"))
    screen.language.setCurrentIndex(screen.language.findData(language))
    screen.language.activated.emit(screen.language.currentIndex())
    return screen


def test_another_language_is_spoken_at_once(qtbot: QtBot, shown: Shown) -> None:
    first = shown.workshop
    first.window.form.prompt.setPlainText("a fox in snow")
    first.make.form.steps = 7
    first.make.generate()
    qtbot.waitUntil(lambda: bool(first.make.studio.recent and first.make.studio.recent[0].path))
    made = first.make.studio.recent
    screen = choose(qtbot, shown, ENGLISH)
    assert not screen.speak_now.isEnabled()
    choose(qtbot, shown, "de")
    qtbot.mouseClick(screen.speak_now, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: shown.workshop is not first)
    window = shown.workshop.window
    assert spoken() == "de"
    assert window.isVisible()
    assert window.bar.buttons["make"].text() == "Erzeugen"
    assert window.form.prompt.toPlainText() == "a fox in snow"
    assert window.form.steps.value() == 7
    assert shown.workshop.make.studio.recent == made
    assert cast(SettingsScreen, window.built["settings"]).language.currentData() == "de"


def test_what_was_being_made_waits_in_the_queue(qtbot: QtBot, shown: Shown) -> None:
    first = shown.workshop
    first.make.form.steps = 500
    first.window.form.prompt.setPlainText("a long one {step 0.2}")
    first.make.generate()
    steps: list[Event] = []
    first.session.happened.connect(lambda event: steps.append(event) if isinstance(event, StepDone) else None)
    qtbot.waitUntil(lambda: bool(steps))
    screen = choose(qtbot, shown, "de")
    qtbot.mouseClick(screen.speak_now, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: shown.workshop is not first)
    queue = shown.workshop.make.queue
    qtbot.waitUntil(lambda: bool(queue.entries))
    assert queue.held
    assert queue.entries[0].job.request.prompt == "a long one {step 0.2}"

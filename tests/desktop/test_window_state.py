"""What the window keeps from one start to the next, the second start, and messages when nobody looks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QByteArray
from pytestqt.qtbot import QtBot

from backends.core.contract import Cancelled, Failed, Finished, InternalError, Stage, StageStarted
from desktop.only_one import OnlyOne
from desktop.view import notifier, window_state
from desktop.view.app import Workshop
from tests.desktop.gallery_kit import open_workshop


@pytest.fixture
def shop(qtbot: QtBot, home: Path) -> Iterator[Workshop]:
    workshop = open_workshop(qtbot)
    yield workshop
    workshop.close()


def test_the_window_is_as_it_was(qtbot: QtBot, shop: Workshop, home: Path) -> None:
    shop.window.bar.left.click()
    shop.window.close()
    geometry = json.loads((home / "config" / "window.json").read_text())["geometry"]
    again = open_workshop(qtbot)
    window_state.restore(again.window)
    assert QByteArray.fromBase64(geometry.encode()).size() > 40
    assert not again.window.form.isVisible()
    assert again.window.recent.isVisible()
    again.close()


@pytest.mark.parametrize(
    "entries", [{}, {"geometry": 7, "left": "no"}, {"geometry": "ä"}, {"geometry": "AAAA"}]
)
def test_a_spoilt_state_is_passed_over(shop: Workshop, entries: dict[str, object]) -> None:
    before = shop.window.size()
    window_state.apply(shop.window, entries)
    assert shop.window.size() == before
    assert shop.window.form.isVisible()


def test_a_second_start_shows_the_first_window(qtbot: QtBot, tmp_path: Path) -> None:
    shown: list[bool] = []
    first, second, other = OnlyOne(tmp_path), OnlyOne(tmp_path), OnlyOne(tmp_path / "other")
    assert first.claim()
    first.answer(lambda: shown.append(True))
    assert not second.claim()
    qtbot.waitUntil(lambda: shown == [True], timeout=10_000)
    assert other.claim()
    first.close()
    assert second.claim()


def test_a_second_start_is_answered_although_the_first_window_is_not_there_yet(
    qtbot: QtBot, tmp_path: Path
) -> None:
    shown: list[bool] = []
    first, second = OnlyOne(tmp_path), OnlyOne(tmp_path)
    assert first.claim()
    assert not second.claim()
    first.answer(lambda: shown.append(True))
    qtbot.waitUntil(lambda: shown == [True], timeout=10_000)
    first.close()


def test_two_starts_at_the_same_moment_are_one_window(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second looked before the first one listened."""
    first, second = OnlyOne(tmp_path), OnlyOne(tmp_path)
    answers, really = [False], second._ask_first
    monkeypatch.setattr(second, "_ask_first", lambda: answers.pop() if answers else really())
    assert first.claim()
    assert not second.claim()
    first.close()


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_a_minimised_window_comes_back(qtbot: QtBot, shop: Workshop) -> None:
    shop.window.showMinimized()
    window_state.raise_window(shop.window)
    qtbot.waitUntil(lambda: not shop.window.isMinimized(), timeout=10_000)
    assert shop.window.isVisible()


def test_a_long_job_is_told_of_when_nobody_looks(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(notifier.Notifier, "tell", lambda _, words: told.append(words))
    monkeypatch.setattr(notifier, "LONG_SECONDS", 0.0)
    monkeypatch.setattr(type(shop.window), "isActiveWindow", lambda _: False)
    happened = shop.session.happened
    for number, end in enumerate(
        (Finished("0"), Failed("1", InternalError("No.", "Try again.", "")), Cancelled("2"))
    ):
        happened.emit(StageStarted(str(number), Stage.DENOISING))
        happened.emit(end)
    assert told == ["The picture is ready.", "The picture could not be made."]
    shop.make.settings.notify = False
    happened.emit(StageStarted("3", Stage.DENOISING))
    happened.emit(Finished("3"))
    monkeypatch.setattr(notifier, "LONG_SECONDS", 3600.0)
    shop.make.settings.notify = True
    happened.emit(StageStarted("4", Stage.DENOISING))
    happened.emit(Finished("4"))
    assert len(told) == 2

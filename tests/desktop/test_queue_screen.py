"""The queue's screen, through its real widgets; and that it outlives the window."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from backends.core.contract import OutOfMemory
from desktop.library.database import database_path, open_library
from desktop.view.queue_screen import QueueScreen
from tests.desktop.still_window import StillShop, still  # noqa: F401  a fixture

BUTTON = Qt.MouseButton.LeftButton


def fill(shop: StillShop, *prompts: str) -> QueueScreen:
    for prompt in prompts:
        shop.make.form.prompt = prompt
        shop.make.generate()
    return cast(QueueScreen, shop.window.show_screen("queue"))


def shown(screen: QueueScreen) -> list[str]:
    return [line.prompt.text() for line in screen.list.rows.values()]


def test_rows_show_what_runs_and_what_waits(still: StillShop, qtbot: QtBot) -> None:  # noqa: F811
    screen = fill(still, "a fox", "a hen")
    still.step(3)
    running, waiting = screen.list.rows.values()
    assert "Denoising 3 of 5" in running.about.text()
    assert "left" in running.about.text()
    assert running.bar.value() == 600
    assert not running.thumbnail.pixmap().isNull()
    assert "5 steps" in waiting.about.text()
    assert still.window.bar.buttons["queue"].text() == "Queue (2)"
    still.finish()
    still.finish()
    assert screen.stack.currentIndex() == 0
    assert still.window.bar.buttons["queue"].text() == "Queue"
    qtbot.mouseClick(screen.nothing.button, BUTTON)
    assert still.window.make_screen.isVisible()


def test_reordering_by_button_and_by_key(still: StillShop, qtbot: QtBot) -> None:  # noqa: F811
    screen = fill(still, "a", "b", "c", "d")
    last = list(screen.list.rows.values())[3]
    qtbot.mouseClick(last.first, BUTTON)
    assert shown(screen) == ["a", "d", "b", "c"]
    screen.list.setFocus()
    qtbot.keyClick(screen.list, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert shown(screen) == ["a", "b", "d", "c"]
    qtbot.keyClick(screen.list, Qt.Key.Key_Delete)
    assert shown(screen) == ["a", "b", "c"]


def test_pausing_and_cancelling_all(still: StillShop, qtbot: QtBot) -> None:  # noqa: F811
    screen = fill(still, "a", "b")
    qtbot.mouseClick(screen.pause, BUTTON)
    still.finish()
    assert len(still.bench.jobs) == 1
    assert "paused" in screen.summary.text()
    qtbot.mouseClick(screen.pause, BUTTON)
    assert still.request.prompt == "b"
    qtbot.mouseClick(screen.cancel_all, BUTTON)
    assert still.bench.cancelled == [still.request.id]


def test_a_failed_job_stays_with_its_reason(still: StillShop, qtbot: QtBot) -> None:  # noqa: F811
    screen = fill(still, "too large")
    still.fail(OutOfMemory("It needs 9 GB.", "Use 64 x 64."))
    (failed,) = screen.list.rows.values()
    assert failed.about.text() == "It needs 9 GB. Use 64 x 64."
    qtbot.mouseClick(failed.again, BUTTON)
    assert [job.request.prompt for job in still.bench.jobs] == ["too large", "too large"]
    still.fail(OutOfMemory("It needs 9 GB.", "Use 64 x 64."))
    qtbot.mouseClick(screen.clear, BUTTON)
    assert screen.list.count() == 0


def test_the_queue_outlives_the_window(still: StillShop, qtbot: QtBot, home: Path) -> None:  # noqa: F811
    fill(still, "half done", "next")
    still.step(2)
    still.close()
    again = StillShop(home)
    qtbot.addWidget(again.window)
    from desktop.errands import queue_of

    again.shelf.ask(queue_of, again.make.work.restore)
    qtbot.waitUntil(lambda: len(again.make.queue.waiting) == 2)
    screen = cast(QueueScreen, again.window.show_screen("queue"))
    assert shown(screen) == ["half done", "next"]
    assert again.bench.jobs == []
    screen.pause.click()
    assert again.request.prompt == "half done"
    again.close()


def test_the_queue_comes_back_with_a_rebuilt_library(still: StillShop, qtbot: QtBot, home: Path) -> None:  # noqa: F811
    fill(still, "half done", "next")
    still.close()
    with open_library() as library:
        library.back_up()
    database_path().write_bytes(b"spoilt" * 1000)
    again = StillShop(home)
    qtbot.addWidget(again.window)
    again.shelf.rebuild()
    qtbot.waitUntil(lambda: len(again.make.queue.waiting) == 2)
    again.close()

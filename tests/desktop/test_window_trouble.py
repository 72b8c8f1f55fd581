"""What goes wrong while pictures are made, and the ways out, through real widgets and a real child."""

# ruff: noqa: F811  fixtures are imported

from __future__ import annotations

import os
import signal
from typing import cast

import psutil
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from desktop.view.app import Workshop
from tests.desktop.window_kit import (  # noqa: F401  fixtures among them
    Folder,
    Wait,
    click_generate,
    shelf,
    shop,
    type_prompt,
    wait,
)


def test_an_error_is_a_bar_with_a_way_out(qtbot: QtBot, shop: Workshop, wait: Wait) -> None:
    type_prompt(shop, "{oom}")
    shop.make.form.use_size(512, 512)
    click_generate(qtbot, shop)
    bar = shop.window.problem
    wait(bar.isVisible)
    assert "9.0 GB" in bar.message.text()
    assert [button.text() for button in bar.buttons] == ["Use 64 x 64", "Try again"]
    type_prompt(shop, "fine")
    qtbot.mouseClick(bar.buttons[0], Qt.MouseButton.LeftButton)
    assert (shop.make.form.width, shop.make.form.height) == (64, 64)
    wait(bar.isVisible)  # the request's own prompt still asks for trouble
    qtbot.mouseClick(bar.dismiss, Qt.MouseButton.LeftButton)
    assert not bar.isVisible()


def test_a_defect_can_be_reported(qtbot: QtBot, shop: Workshop, wait: Wait) -> None:
    type_prompt(shop, "{bug}")
    click_generate(qtbot, shop)
    wait(shop.window.problem.isVisible)
    shop.window.problem.copy_report.trigger()
    report = QGuiApplication.clipboard().text()
    assert "ZeroDivisionError: a defect" in report
    assert "Request(" in report


def test_the_worker_dies_and_the_window_stays(qtbot: QtBot, shop: Workshop, wait: Wait) -> None:
    type_prompt(shop, "{step 0.3}")
    click_generate(qtbot, shop)
    wait(lambda: "Denoising" in shop.window.stage.headline.text())
    pid = shop.session.worker_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait(shop.window.problem.isVisible)
    assert "memory" in shop.window.problem.message.text()
    assert shop.make.studio.progress is None
    retry = shop.window.problem.buttons[0]
    assert retry.text() == "Try again"
    qtbot.mouseClick(retry, Qt.MouseButton.LeftButton)
    wait(lambda: shop.make.studio.recent)
    assert shop.session.worker_pid != pid


def test_the_worker_dies_while_idle(qtbot: QtBot, shop: Workshop, wait: Wait) -> None:
    wait(lambda: "ready" in shop.window.bar.engine.text())
    os.kill(cast(int, shop.session.worker_pid), signal.SIGKILL)
    wait(lambda: "Starts with" in shop.window.bar.engine.text())
    assert not shop.window.problem.isVisible()
    click_generate(qtbot, shop)
    wait(lambda: shop.make.studio.recent)


def test_stop_pressed_twice_ends_the_worker(qtbot: QtBot, shop: Workshop, wait: Wait) -> None:
    type_prompt(shop, "{step 60}")
    click_generate(qtbot, shop)
    wait(lambda: "Denoising" in shop.window.stage.headline.text())
    for _ in range(2):
        qtbot.mouseClick(shop.window.stage.stop, Qt.MouseButton.LeftButton)
    wait(lambda: shop.make.studio.progress is None)
    assert not shop.window.problem.isVisible()


def test_a_picture_that_can_not_be_saved_is_not_lost(
    qtbot: QtBot, shop: Workshop, shelf: Folder, wait: Wait
) -> None:
    shelf.full = True
    click_generate(qtbot, shop)
    bar = shop.window.problem
    wait(bar.isVisible)
    assert shop.window.recent.list.count() == 1
    shelf.full = False
    qtbot.mouseClick(bar.buttons[0], Qt.MouseButton.LeftButton)
    wait(lambda: shop.make.studio.recent[0].path)
    assert not bar.isVisible()
    assert len(list(shelf.folder.iterdir())) == 1


def test_a_finished_picture_is_saved_even_when_the_window_closes(
    qtbot: QtBot, shop: Workshop, shelf: Folder, wait: Wait
) -> None:
    click_generate(qtbot, shop)
    wait(lambda: shop.make.studio.recent)
    shop.close()
    assert len(list(shelf.folder.iterdir())) == 1


def test_no_process_is_left_behind(qtbot: QtBot, shop: Workshop, wait: Wait) -> None:
    click_generate(qtbot, shop)
    wait(lambda: shop.make.studio.recent)
    pid = shop.session.worker_pid
    shop.close()
    assert not psutil.pid_exists(cast(int, pid))

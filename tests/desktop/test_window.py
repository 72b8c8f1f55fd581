"""The window through its real widgets, with a fake engine in a real child process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import psutil
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.core.contract import Defaults, SaveFailed
from desktop.model.form import EXAMPLE_PROMPT, ModelChoice
from desktop.model.studio import Made
from desktop.session import Session
from desktop.shelf import Shelf
from desktop.view import theme
from desktop.view.app import Workshop, wear_theme
from tests.fakes import FAKE_ENGINE

PATIENCE = 20_000
SMALL = Defaults(width=64, height=64, steps=5, guidance_scale=5.0, sampler="euler")
LARGE = Defaults(width=512, height=512, steps=8, guidance_scale=7.5, sampler="dpmpp_2m")


class Folder:
    """Saves pictures as empty files, or fails when told to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.full = False

    def __call__(self, made: Made) -> Path:
        if self.full:
            raise SaveFailed("The disk is full.", "Free some space.")
        path = self.folder / f"{made.event.seed}.png"
        path.touch()
        return path


@pytest.fixture
def shelf(tmp_path: Path) -> Folder:
    (tmp_path / "saved").mkdir()
    return Folder(tmp_path / "saved")


@pytest.fixture
def shop(qtbot: QtBot, shelf: Folder, home: Path) -> Iterator[Workshop]:
    wear_theme(cast(QApplication, QApplication.instance()), theme.DARK)
    models = (
        ModelChoice(name="small", title="Small", folder=Path("a"), defaults=SMALL),
        ModelChoice(name="large", title="Large", folder=Path("b"), defaults=LARGE),
    )
    workshop = Workshop(Session(shelf, FAKE_ENGINE), Shelf(), models)
    qtbot.addWidget(workshop.window)
    workshop.open()
    qtbot.waitExposed(workshop.window)
    yield workshop
    workshop.close()


@pytest.fixture
def wait(qtbot: QtBot) -> Callable[[Callable[[], object]], None]:
    def until(condition: Callable[[], object]) -> None:
        qtbot.waitUntil(lambda: bool(condition()), timeout=PATIENCE)

    return until


Wait = Callable[[Callable[[], object]], None]


def type_prompt(shop: Workshop, words: str) -> None:
    shop.window.form.prompt.setPlainText(words)


def click_generate(qtbot: QtBot, shop: Workshop) -> None:
    qtbot.mouseClick(shop.window.form.generate, Qt.MouseButton.LeftButton)


def test_first_run_needs_one_click(qtbot: QtBot, shop: Workshop, shelf: Folder, wait: Wait) -> None:
    window = shop.window
    assert window.form.prompt.toPlainText() == EXAMPLE_PROMPT
    assert not window.problem.isVisible()
    assert window.canvas.plate is None
    click_generate(qtbot, shop)
    wait(lambda: shop.make.studio.selected and shop.make.studio.selected.path)
    plate = window.canvas.plate
    assert plate is not None
    assert not plate.is_preview
    assert (plate.width, plate.height) == (64, 64)
    assert window.recent.list.count() == 1
    assert window.recent.details.prompt.text() == EXAMPLE_PROMPT
    assert str(shop.make.form.seed) in window.stage.summary.text()
    assert [path.stem for path in shelf.folder.iterdir()] == [str(shop.make.form.seed)]


def test_the_picture_is_seen_coming(qtbot: QtBot, shop: Workshop, wait: Wait) -> None:
    type_prompt(shop, "{step 0.1}")
    click_generate(qtbot, shop)
    wait(lambda: "Denoising 2 of 5" in shop.window.stage.headline.text())
    plate = shop.window.canvas.plate
    assert plate is not None
    assert plate.is_preview
    assert plate.picture is not None
    assert (plate.width, plate.height) == (64, 64)
    assert shop.window.stage.bar.value() > 0
    assert "left" in shop.window.stage.left.text()
    assert shop.window.form.generate.text() == "Add to queue"
    wait(lambda: shop.make.studio.progress is None)
    assert shop.window.form.generate.text() == "Generate"


def test_stop_takes_one_step_and_keeps_what_was_there(qtbot: QtBot, shop: Workshop, wait: Wait) -> None:
    click_generate(qtbot, shop)
    wait(lambda: shop.make.studio.recent and not shop.make.studio.progress)
    shop.make.form.steps = 100
    type_prompt(shop, "{step 0.2}")
    click_generate(qtbot, shop)
    wait(lambda: "Denoising" in shop.window.stage.headline.text())
    qtbot.mouseClick(shop.window.stage.stop, Qt.MouseButton.LeftButton)
    assert "Stopping" in shop.window.stage.headline.text()
    qtbot.waitUntil(lambda: shop.make.studio.progress is None, timeout=1000)
    plate = shop.window.canvas.plate
    assert plate is not None
    assert not plate.is_preview
    assert shop.window.recent.list.count() == 1
    assert not shop.window.problem.isVisible()


def test_keys(qtbot: QtBot, shop: Workshop, wait: Wait) -> None:
    type_prompt(shop, "{step 0.3}")
    qtbot.keyClick(shop.window.form.prompt, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    wait(lambda: shop.make.studio.progress is not None)
    assert shop.window.form.prompt.toPlainText() == "{step 0.3}"
    qtbot.keyClick(shop.window.form.prompt, Qt.Key.Key_Escape)
    wait(lambda: shop.make.studio.progress is None)
    assert not shop.make.studio.recent


def test_a_number_still_being_typed_counts(qtbot: QtBot, shop: Workshop, wait: Wait) -> None:
    box = shop.window.form.size_field.width_box
    box.setFocus()
    box.selectAll()
    qtbot.keyClicks(box, "130")
    qtbot.keyClick(box, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    wait(lambda: shop.make.studio.recent)
    assert shop.make.studio.recent[0].request.width == 128


def test_jobs_wait_their_turn(qtbot: QtBot, shop: Workshop, wait: Wait) -> None:
    type_prompt(shop, "{step 0.05}")
    for _ in range(3):
        click_generate(qtbot, shop)
    assert shop.make.studio.waiting == 2
    wait(lambda: len(shop.make.studio.recent) == 3)
    wait(lambda: shop.make.studio.progress is None)
    assert len({made.event.seed for made in shop.make.studio.recent}) == 3


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


def test_seed_dice_and_lock(qtbot: QtBot, shop: Workshop, wait: Wait) -> None:
    field = shop.window.form.seed
    field.edit.selectAll()
    qtbot.keyClicks(field.edit, "77")
    assert shop.make.form.seed == 77
    assert field.lock.isChecked()
    click_generate(qtbot, shop)
    wait(lambda: shop.make.studio.recent)
    assert shop.make.studio.recent[0].event.seed == 77
    qtbot.mouseClick(field.lock, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(field.dice, Qt.MouseButton.LeftButton)
    assert shop.make.form.seed != 77
    assert field.edit.text() == str(shop.make.form.seed)


def test_repeat_and_variation(qtbot: QtBot, shop: Workshop, wait: Wait) -> None:
    type_prompt(shop, "first")
    click_generate(qtbot, shop)
    wait(lambda: shop.make.studio.recent and not shop.make.studio.progress)
    first = shop.make.studio.recent[0]
    type_prompt(shop, "second")
    qtbot.mouseClick(shop.window.recent.details.repeat, Qt.MouseButton.LeftButton)
    assert shop.window.form.prompt.toPlainText() == "first"
    click_generate(qtbot, shop)
    wait(lambda: len(shop.make.studio.recent) == 2 and not shop.make.studio.progress)
    assert shop.make.studio.recent[0].event.picture == first.event.picture
    qtbot.mouseClick(shop.window.recent.details.vary, Qt.MouseButton.LeftButton)
    wait(lambda: len(shop.make.studio.recent) == 3)
    assert shop.make.studio.recent[0].event.seed != first.event.seed


def test_choosing_a_recent_picture_shows_it(qtbot: QtBot, shop: Workshop, wait: Wait) -> None:
    for _ in range(2):
        click_generate(qtbot, shop)
    wait(lambda: len(shop.make.studio.recent) == 2 and not shop.make.studio.progress)
    older = shop.make.studio.recent[1]
    shop.window.recent.list.setCurrentRow(1)
    plate = shop.window.canvas.plate
    assert plate is not None
    assert plate.picture == older.event.picture
    assert shop.window.recent.details.values["Seed"].text() == str(older.event.seed)


def test_a_model_brings_its_settings(qtbot: QtBot, shop: Workshop) -> None:
    box = shop.window.form.model
    box.setCurrentIndex(1)
    box.activated.emit(1)
    form, panel = shop.make.form, shop.window.form
    assert (form.width, form.steps, form.sampler) == (512, 8, "dpmpp_2m")
    assert panel.steps.value() == 8
    assert panel.guidance.value() == 7.5
    qtbot.mouseClick(panel.size_field.aspects["3:2"], Qt.MouseButton.LeftButton)
    assert (form.width, form.height) == (640, 448)
    qtbot.mouseClick(panel.size_field.swap, Qt.MouseButton.LeftButton)
    assert (form.width, form.height) == (448, 640)
    assert panel.size_field.aspects["2:3"].isChecked()


def test_narrow_and_wide(qtbot: QtBot, shop: Workshop) -> None:
    window = shop.window
    window.resize(900, 600)
    qtbot.waitUntil(lambda: window.recent.y() > window.canvas.y())
    window.resize(1400, 800)
    qtbot.waitUntil(lambda: window.recent.x() > window.canvas.x())


def test_every_control_has_a_name(shop: Workshop) -> None:
    from PySide6.QtWidgets import (
        QAbstractButton,
        QAbstractSpinBox,
        QComboBox,
        QLineEdit,
        QPlainTextEdit,
        QSlider,
    )

    kinds = (QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit, QPlainTextEdit, QSlider)
    nameless = [
        widget
        for kind in kinds
        for widget in shop.window.findChildren(kind)
        if not widget.objectName().startswith("qt_")
        and not widget.accessibleName()
        and not (isinstance(widget, QAbstractButton) and widget.text())
    ]
    assert nameless == []


def test_both_themes(shop: Workshop) -> None:
    app = cast(QApplication, QApplication.instance())
    for colours in (theme.LIGHT, theme.DARK):
        wear_theme(app, colours)
        assert shop.window.canvas.grab().toImage().pixelColor(2, 2).name() == colours.window


def test_the_windows_process_never_imports_torch() -> None:
    code = "import desktop.application, sys; print({'torch', 'diffusers', 'transformers'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"


def test_none_survives_qt() -> None:
    """PySide6 6.12.0 loses a reference to None with every call; on Python 3.11 the program then aborts."""
    from PySide6.QtCore import QObject

    thing, before = QObject(), sys.getrefcount(None)
    for _ in range(1000):
        thing.setObjectName("x")
    assert sys.getrefcount(None) > before - 500


def test_no_process_is_left_behind(qtbot: QtBot, shop: Workshop, wait: Wait) -> None:
    click_generate(qtbot, shop)
    wait(lambda: shop.make.studio.recent)
    pid = shop.session.worker_pid
    shop.close()
    assert not psutil.pid_exists(cast(int, pid))

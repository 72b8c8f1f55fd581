"""The window through its real widgets, with a fake engine in a real child process."""

# ruff: noqa: F811  fixtures are imported

from __future__ import annotations

import subprocess
import sys
from typing import cast

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from backends.core.contract import MezzotintError, StepDone
from desktop.model.form import EXAMPLE_PROMPT
from desktop.view import theme
from desktop.view.app import Workshop, wear_theme
from tests.desktop.window_kit import (  # noqa: F401  fixtures among them
    Folder,
    Wait,
    click_generate,
    shelf,
    shop,
    type_prompt,
    wait,
)


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
    steps: list[StepDone] = []
    shop.session.happened.connect(lambda event: steps.append(event) if isinstance(event, StepDone) else None)
    qtbot.mouseClick(shop.window.stage.stop, Qt.MouseButton.LeftButton)
    assert "Stopping" in shop.window.stage.headline.text()
    wait(lambda: shop.make.studio.progress is None)
    assert len(steps) <= 2  # the one that was running, and one that was on its way here
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


def test_a_narrow_window_leaves_inside_its_room(qtbot: QtBot, shop: Workshop) -> None:
    window = shop.window
    window.resize(900, 600)
    window.make_screen.show_tab("inside")
    assert not window.recent.isVisible()
    window.make_screen.show_tab("picture")
    assert window.recent.isVisible()
    window.bar.right.click()
    window.make_screen.show_tab("compare")
    assert not window.recent.isVisible()


def test_signs_follow_the_theme(qtbot: QtBot, shop: Workshop) -> None:
    app = cast(QApplication, QApplication.instance())
    shop.make.not_opened(MezzotintError("It is broken.", "Mend it."))
    sign = next(label for label in shop.window.problem.findChildren(QLabel) if not label.pixmap().isNull())
    before = sign.pixmap().toImage()
    wear_theme(app, theme.LIGHT)
    assert sign.pixmap().toImage() != before
    wear_theme(app, theme.DARK)
    assert sign.pixmap().toImage() == before

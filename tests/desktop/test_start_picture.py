"""Starting from a picture, recipes that are dropped, styles: through the real widgets."""

# ruff: noqa: F811  fixtures are imported

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from desktop.model.backends import BackendState
from desktop.model.start import StartPicture
from desktop.model.styles import Style
from desktop.view.app import Workshop
from tests.desktop import foreign_pictures
from tests.desktop.dropping import drop, mime_of
from tests.desktop.still_window import StillShop, still  # noqa: F401  a fixture
from tests.desktop.window_kit import Folder, Wait, shelf, shop, wait  # noqa: F401  fixtures
from tests.fakes import FAKE_BACKEND, square

BUTTON = Qt.MouseButton.LeftButton


@pytest.fixture
def fox(tmp_path: Path) -> Path:
    return foreign_pictures.png(tmp_path / "fox.png", foreign_pictures.comfy_texts())


def test_a_dropped_picture_is_the_start(still: StillShop, qtbot: QtBot, fox: Path) -> None:
    field = still.window.form.start
    assert field.choose.isVisible()
    drop(field, mime_of(fox))
    qtbot.waitUntil(lambda: bool(still.bench.looks))
    still.bench.looks[-1][1](square(32, 16, 1), (800, 400))
    assert (field.name.text(), field.thumbnail.pixmap().isNull()) == ("fox.png", False)
    field.slider.setValue(40)
    assert (field.strength.value(), still.make.form.strength) == (40, 0.4)
    qtbot.mouseClick(still.window.form.generate, BUTTON)
    assert (still.request.init_image, still.request.strength) == (fox.read_bytes(), 0.4)
    assert still.request.width > still.request.height
    qtbot.mouseClick(field.remove, BUTTON)
    assert field.choose.isVisible()
    assert not field.chosen.isVisible()
    assert still.make.form.start is None


def test_a_pasted_picture_is_the_start(still: StillShop, qtbot: QtBot) -> None:
    image = QImage(8, 8, QImage.Format.Format_RGB888)
    image.fill(Qt.GlobalColor.red)
    QGuiApplication.clipboard().setImage(image)
    field = still.window.form.start
    field.choose.setFocus()
    qtbot.keyClick(field.choose, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    start = still.make.form.start
    assert start is not None
    assert start.data.startswith(b"\x89PNG")
    still.make.use_start(None)
    still.window.form.prompt.setFocus()
    words = still.window.form.prompt.toPlainText()
    qtbot.keyClick(still.window.form.prompt, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert still.make.form.start is not None
    assert still.window.form.prompt.toPlainText() == words


def test_a_finished_picture_is_the_start(still: StillShop, qtbot: QtBot, fox: Path) -> None:
    details = still.window.recent.details
    still.make.generate()
    still.finish(str(fox))
    qtbot.mouseClick(details.start, BUTTON)
    qtbot.waitUntil(lambda: still.make.form.start is not None)
    assert still.window.form.start.name.text() == "fox.png"


def test_where_no_picture_can_be_the_start_it_says_why(
    still: StillShop,
    qtbot: QtBot,
    fox: Path,
) -> None:
    window, field = still.window, still.window.form.start
    still.make.generate()
    still.finish(str(fox))
    plain = replace(FAKE_BACKEND, id="plain", name="Plain", features=frozenset({"text_to_image"}))
    still.backends.found = (BackendState(plain), BackendState(FAKE_BACKEND))
    assert field.why_not.text() == "Plain can't start from a picture. Choose another backend in Settings."
    assert not field.choose.isEnabled()
    assert not window.recent.details.start.isEnabled()
    for place in (field, window.canvas):  # both offer its settings only
        drop(place, mime_of(fox), QPoint(place.width() - 20, 20))
        qtbot.waitUntil(window.make_screen.note.isVisible)
        still.make.dismiss_note()
    assert still.make.form.start is None
    still.make.use_as_start(fox)
    assert "Choose another backend" in window.problem.message.text()
    still.make.dismiss()
    still.make.form.start = StartPicture(fox.read_bytes(), "fox.png")
    assert field.remove.isEnabled()
    assert not field.strength.isEnabled()
    jobs = len(still.bench.jobs)
    qtbot.mouseClick(window.form.generate, BUTTON)
    assert len(still.bench.jobs) == jobs
    assert "Remove the start picture" in window.problem.message.text()
    still.settings.backend = FAKE_BACKEND.id
    assert not field.why_not.isVisible()
    assert field.strength.isEnabled()
    qtbot.mouseClick(window.form.generate, BUTTON)
    assert still.request.init_image == fox.read_bytes()


def test_a_chosen_picture_is_the_start(
    still: StillShop,
    qtbot: QtBot,
    fox: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(fox), ""))
    qtbot.mouseClick(still.window.form.start.choose, BUTTON)
    qtbot.waitUntil(lambda: still.make.form.start is not None)


def test_a_file_that_is_no_picture_says_so(still: StillShop, qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "fake.png").write_text("not a picture")
    still.make.use_as_start(tmp_path / "fake.png")
    qtbot.waitUntil(still.window.problem.isVisible)
    assert "not a PNG" in still.window.problem.message.text()
    assert still.make.form.start is None


def test_settings_of_another_programs_picture(still: StillShop, qtbot: QtBot, fox: Path) -> None:
    window = still.window
    canvas = window.canvas
    left = QPoint(canvas.width() // 4, canvas.height() // 2)
    drop(canvas, mime_of(fox), left)
    note = window.make_screen.note
    qtbot.waitUntil(note.isVisible)
    assert window.form.prompt.toPlainText() == "a fox"
    assert window.form.steps.value() == 30
    assert window.form.seed.edit.text() == "42"
    assert "ComfyUI" in note.message.text()
    qtbot.mouseClick(note.show_details, BUTTON)
    assert note.details.isVisible()
    assert "LoraLoader" in note.details.text()
    qtbot.mouseClick(note.act, BUTTON)
    assert window.form.prompt.toPlainText() != "a fox"
    assert not note.isVisible()


def test_the_other_half_of_the_picture_starts_from_it(still: StillShop, qtbot: QtBot, fox: Path) -> None:
    canvas = still.window.canvas
    drop(canvas, mime_of(fox), QPoint(canvas.width() * 3 // 4, 40))
    qtbot.waitUntil(lambda: still.make.form.start is not None)
    assert not canvas.zones.isVisible()


def test_a_file_dropped_anywhere_fills_the_form(still: StillShop, qtbot: QtBot, fox: Path) -> None:
    window = still.window
    window.show_screen("queue")
    assert not window.form.prompt.canInsertFromMimeData(mime_of(fox))
    assert drop(window, mime_of(fox))
    qtbot.waitUntil(window.make_screen.note.isVisible)
    assert window.form.prompt.toPlainText() == "a fox"
    words = QMimeData()
    words.setText("a hound")
    assert not drop(window, words)


def test_a_style(still: StillShop, qtbot: QtBot) -> None:
    still.styles.save(Style(name="Ink", prompt="ink, {prompt}"))
    box = still.window.form.style_box
    names = [box.itemText(line) for line in range(box.count())]
    assert names[:2] == ["None", "Ink"]
    box.activated.emit(1)
    still.make.form.prompt = "a fox"
    qtbot.mouseClick(still.window.form.generate, BUTTON)
    assert still.request.prompt == "ink, a fox"
    with qtbot.waitSignal(still.window.form.styles_wanted):
        box.activated.emit(box.count() - 1)
    assert box.currentText() == "Ink"


def test_the_worker_reads_the_start_picture(
    qtbot: QtBot,
    shop: Workshop,
    wait: Wait,
    fox: Path,
    tmp_path: Path,
) -> None:
    shop.make.use_as_start(fox)
    wait(lambda: shop.make.studio.start_look)
    look = shop.make.studio.start_look
    assert look is not None
    assert (look.width, look.height) == (16, 8)
    (tmp_path / "torn.png").write_bytes(fox.read_bytes()[:60])
    shop.make.use_as_start(tmp_path / "torn.png")
    wait(lambda: shop.make.studio.problem)
    assert shop.make.form.start is None

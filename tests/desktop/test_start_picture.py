"""Starting from a picture, recipes that are dropped, styles: through the real widgets."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent, QGuiApplication, QImage
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from desktop.model.styles import Style
from desktop.view.app import Workshop
from tests.desktop import foreign_pictures
from tests.desktop.still_window import StillShop, still  # noqa: F401  a fixture
from tests.desktop.test_window import Folder, Wait, shelf, shop, wait  # noqa: F401  fixtures
from tests.fakes import square

ACTIONS = Qt.DropAction.CopyAction
BUTTON = Qt.MouseButton.LeftButton


def mime_of(path: Path) -> QMimeData:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    return mime


def drop(widget: QWidget, mime: QMimeData, at: QPoint | None = None) -> None:
    """As the system does when somebody drags something there and lets go."""
    place = at or widget.rect().center()
    keys = Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(widget, QDragEnterEvent(place, ACTIONS, mime, BUTTON, keys))
    QApplication.sendEvent(widget, QDragMoveEvent(place, ACTIONS, mime, BUTTON, keys))
    QApplication.sendEvent(widget, QDropEvent(QPointF(place), ACTIONS, mime, BUTTON, keys))


@pytest.fixture
def fox(tmp_path: Path) -> Path:
    return foreign_pictures.png(tmp_path / "fox.png", foreign_pictures.comfy_texts())


def test_a_dropped_picture_is_the_start(still: StillShop, qtbot: QtBot, fox: Path) -> None:  # noqa: F811
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


def test_a_pasted_picture_is_the_start(still: StillShop, qtbot: QtBot) -> None:  # noqa: F811
    image = QImage(8, 8, QImage.Format.Format_RGB888)
    image.fill(Qt.GlobalColor.red)
    QGuiApplication.clipboard().setImage(image)
    field = still.window.form.start
    field.choose.setFocus()
    qtbot.keyClick(field.choose, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    start = still.make.form.start
    assert start is not None
    assert start.data.startswith(b"\x89PNG")


def test_a_chosen_picture_is_the_start(
    still: StillShop,  # noqa: F811
    qtbot: QtBot,
    fox: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(fox), ""))
    qtbot.mouseClick(still.window.form.start.choose, BUTTON)
    qtbot.waitUntil(lambda: still.make.form.start is not None)


def test_a_file_that_is_no_picture_says_so(still: StillShop, qtbot: QtBot, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "fake.png").write_text("not a picture")
    still.make.use_as_start(tmp_path / "fake.png")
    qtbot.waitUntil(still.window.problem.isVisible)
    assert "not a PNG" in still.window.problem.message.text()
    assert still.make.form.start is None


def test_settings_of_another_programs_picture(still: StillShop, qtbot: QtBot, fox: Path) -> None:  # noqa: F811
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


def test_the_other_half_of_the_picture_starts_from_it(still: StillShop, qtbot: QtBot, fox: Path) -> None:  # noqa: F811
    canvas = still.window.canvas
    drop(canvas, mime_of(fox), QPoint(canvas.width() * 3 // 4, 40))
    qtbot.waitUntil(lambda: still.make.form.start is not None)
    assert not canvas.zones.isVisible()


def test_a_style(still: StillShop, qtbot: QtBot) -> None:  # noqa: F811
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
    shop: Workshop,  # noqa: F811
    wait: Wait,  # noqa: F811
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

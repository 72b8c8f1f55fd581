"""The Models screen through its real widgets: listing, notes, importing, deleting."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from backends.core import coreml_folder, coreml_prepare
from backends.core.contract import BrokenModel, Failed
from backends.core.model_folder import open_folder
from desktop.cupboard import papers_path
from desktop.library.database import Library
from desktop.library.marks import star_pictures
from desktop.library.search import find_pictures
from desktop.model.backends import BackendState
from desktop.view.models.screen import ModelsScreen
from tests.desktop.models.kit import (
    BUTTON,
    PATIENCE,
    StillRunner,
    going,
    install,
    install_converted,
    open_shop,
    refreshed,
    show,
)
from tests.desktop.still_window import StillShop
from tests.fakes import FAKE_BACKEND
from tests.library_pictures import RECORD, keep


def test_a_model_is_told_about(shop: StillShop, qtbot: QtBot, runner: StillRunner) -> None:
    shop.backends.found = (BackendState(FAKE_BACKEND),)
    screen = show(shop, qtbot)
    facts = {key: value.words for key, (_, value) in screen.details.facts.lines.items()}
    assert facts["licence"] == "MIT"
    assert facts["origin"] == "a friend"
    assert facts["family"] == "Stable Diffusion 1 and 2"
    assert facts["settings"].startswith("64 x 64, 5 steps")
    qtbot.waitUntil(lambda: len(screen.details.facts.lines["hash"][1].words) == 10, timeout=PATIENCE)
    qtbot.mouseClick(screen.details.facts.copy, BUTTON)
    assert len(QGuiApplication.clipboard().text()) == 64
    assert "Looking" in screen.details.verdicts.lines[0].words
    asked = runner.of("desktop", "fit")[-1]
    assert all(each.stopped for each in runner.of("desktop", "fit")[:-1])
    asked.say(
        free=9,
        fits=[{"backend": "fake", "fit": {"verdict": "fits", "need": 10**9, "free": 9}, "problem": None}],
    )
    asked.end()
    assert screen.details.verdicts.lines[0].words == "✓  Fake: Fits: needs 1.0 GB of memory"


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda f: shutil.rmtree(f / "unet.mlpackage"), "lacks unet.mlpackage"),
        (lambda f: (f / "unet.mlpackage/Manifest.json").write_text("{}"), "is cut short or damaged"),
        (lambda f: (f / "model_index.json").unlink(), "holds no model_index.json"),
        (lambda f: (f / "model.json").write_text("{"), "can't be read as JSON"),
    ],
)
def test_a_broken_one_is_shown_with_the_reason(
    shop: StillShop, qtbot: QtBot, home: Path, damage, sentence: str
) -> None:
    folder = install_converted(home, "broken", home / "models" / "fox")
    damage(folder)
    screen = show(shop, qtbot, "broken")
    assert sentence in screen.details.problem.words
    assert screen.summary.text().endswith("1 can't be used")
    assert not screen.details.use.isVisible()
    assert screen.details.delete.delete.isVisible()


def test_weights_that_are_cut_short_are_seen_without_reading_them(
    shop: StillShop, qtbot: QtBot, home: Path
) -> None:
    weights = install(home, "cut") / "unet/diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    assert "is damaged" in show(shop, qtbot, "cut").details.problem.words


def test_the_picture_that_failed_leads_here(shop: StillShop, qtbot: QtBot) -> None:
    screen = show(shop, qtbot)
    shop.window.show_screen("make")
    shop.make.form.model = "fox"
    shop.make.generate()
    failure = BrokenModel("It was made by another version.", "Prepare it again.")
    shop.session.happened.emit(Failed(shop.request.id, failure))
    (button,) = [each for each in shop.window.problem.buttons if each.text() == "Show in Models"]
    qtbot.mouseClick(button, BUTTON)
    assert screen.isVisible()
    assert screen.details.title.text() == "Fox"


def test_using_one_takes_its_settings(shop: StillShop, qtbot: QtBot) -> None:
    screen = show(shop, qtbot)
    screen.details.use.click()
    assert shop.make.form.model == "fox"
    assert shop.window.make_screen.isVisible()
    assert shop.window.form.model.currentText() == "Fox"


def test_deleting_asks_once(
    shop: StillShop, qtbot: QtBot, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("send2trash.send2trash", shutil.rmtree)
    screen = show(shop, qtbot)
    line = screen.details.delete
    line.delete.click()
    line.keep.click()
    assert (home / "models" / "fox").exists()
    line.delete.click()
    assert line.words.text().startswith("Fox frees ")
    line.sure.click()
    qtbot.waitUntil(lambda: "fox" not in screen.rows, timeout=PATIENCE)
    assert not (home / "models" / "fox").exists()
    assert shop.window.form.model.findData("fox") < 0


def test_what_was_compiled_goes_with_the_model(
    shop: StillShop, qtbot: QtBot, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("send2trash.send2trash", shutil.rmtree)
    folder = install_converted(home, "ready", home / "models" / "fox")
    compiled = coreml_prepare.cache_folder(coreml_folder.glance(open_folder(folder)))
    compiled.mkdir(parents=True)
    screen = show(shop, qtbot, "ready")
    screen.details.delete.delete.click()
    screen.details.delete.sure.click()
    qtbot.waitUntil(lambda: "ready" not in screen.rows, timeout=PATIENCE)
    assert not compiled.parent.exists()


def test_a_favourite_picture_stands_for_the_model(shop: StillShop, qtbot: QtBot, home: Path) -> None:
    (home / "pictures").mkdir()

    def fill(library: Library) -> None:
        old, new, other = (
            replace(RECORD, model=name, seed=n) for n, name in enumerate(("fox", "fox", "foxy"))
        )
        for number, record in enumerate((old, new, other)):
            keep(library, home / "pictures", record, f"p{number}")
        favourite = next(each for each in find_pictures(library) if each.seed == 0)
        star_pictures(library, [favourite.id], True)

    shop.shelf.change(fill).result(PATIENCE)
    screen = show(shop, qtbot)
    pictures = screen.pictures
    qtbot.waitUntil(lambda: pictures.picture("fox", 40) is not None, timeout=PATIENCE)
    found = pictures._found["fox"]
    assert found is not None
    assert found.seed == 0


def test_one_that_cannot_be_deleted_stays(
    shop: StillShop, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: object) -> None:
        raise OSError("no trash")

    monkeypatch.setattr("send2trash.send2trash", refuse)
    screen = show(shop, qtbot)
    screen.details.delete.delete.click()
    screen.details.delete.sure.click()
    qtbot.waitUntil(lambda: "could not be moved" in screen.notice.text(), timeout=PATIENCE)


def test_notes_are_kept(shop: StillShop, qtbot: QtBot, home: Path, runner: StillRunner) -> None:
    screen = show(shop, qtbot)
    qtbot.keyClicks(screen.details.notes, "likes foxes")
    qtbot.waitUntil(lambda: papers_path().exists(), timeout=PATIENCE)
    shop.close()
    assert json.loads(papers_path().read_text())["notes"] == {"fox": "likes foxes"}
    again = open_shop(qtbot, home, runner)
    assert show(again, qtbot).details.notes.toPlainText() == "likes foxes"
    again.close()


def drop(screen: ModelsScreen, *paths: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy, none = Qt.DropAction.CopyAction, Qt.KeyboardModifier.NoModifier
    entering = QDragEnterEvent(QPointF(5, 5).toPoint(), copy, mime, BUTTON, none)
    screen.dragEnterEvent(entering)
    if entering.isAccepted():
        assert screen.veil.isVisible()
        screen.dropEvent(QDropEvent(QPointF(5, 5), copy, mime, BUTTON, none))
    assert not screen.veil.isVisible()


def test_dropping_files_imports_them_one_by_one(
    shop: StillShop, qtbot: QtBot, runner: StillRunner, home: Path, tmp_path: Path
) -> None:
    screen = show(shop, qtbot)
    drop(screen, tmp_path / "a.safetensors", tmp_path / "notes.txt", tmp_path / "b.ckpt")
    first, second = going(screen)
    assert [each.title.text() for each in (first, second)] == ["Adding a.safetensors", "Adding b.ckpt"]
    assert second.words.text() == "Waits for what goes on before it"
    (command,) = runner.of("desktop", "import")
    assert command.words[2:] == [
        str(tmp_path / "a.safetensors"),
        "--beside",
        str(tmp_path / "b.ckpt"),
        "--ask",
    ]
    command.print("Checking the file ...")
    assert first.words.text().startswith("Checking the file, ")
    install(home, "a", "A")
    command.end()
    refreshed(screen, qtbot, "a")
    second_command = runner.of("desktop", "import")[-1]
    assert second_command.words[2] == str(tmp_path / "b.ckpt")
    second_command.print("b.ckpt holds no UNet. Give a model that has it with --base.")
    second_command.end(1)
    assert second.words.text().startswith("b.ckpt holds no UNet.")
    drop(screen, tmp_path / "notes.txt")
    assert len(screen.chore_rows) == 1


def test_papers_that_make_no_sense_do_no_harm(qtbot: QtBot, home: Path, runner: StillRunner) -> None:
    papers_path().parent.mkdir(parents=True)
    told = {"notes": {"fox": 7, "x": "y"}, "conversions": {"a": {"model": 5}, "b": []}, "later": 1}
    papers_path().write_text(json.dumps(told))
    shop = open_shop(qtbot, home, runner)
    assert shop.models_room.desk.models.notes == {"x": "y"}
    show(shop, qtbot)
    shop.models_room.desk.note("fox", "n")
    shop.close()
    assert json.loads(papers_path().read_text())["later"] == 1


def test_every_button_is_reached_by_keyboard(shop: StillShop, qtbot: QtBot) -> None:
    screen = show(shop, qtbot)
    screen.add.setFocus()
    reached: set[object] = set()
    for _ in range(40):
        widget = QGuiApplication.focusObject() or screen
        reached.add(widget)
        qtbot.keyClick(screen.window().focusWidget() or screen, Qt.Key.Key_Tab)
    wanted = [each for each in screen.findChildren(QPushButton) if each.isVisible() and each.isEnabled()]
    assert [each.text() for each in wanted if each not in reached] == []

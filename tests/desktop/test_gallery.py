"""The Gallery through its real widgets, over a real library."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QItemSelectionModel, QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from desktop.library.database import database_path, open_library
from desktop.library.search import count_pictures
from desktop.model.gallery import Place
from desktop.view.app import Workshop
from desktop.view.gallery import handing
from desktop.view.gallery.screen import GalleryScreen
from tests.desktop.dropping import drop, mime_of
from tests.desktop.gallery_kit import (
    PATIENCE,
    PROMPTS,
    fill,
    found,
    open_gallery,
    open_workshop,
    seeds,
    table_of,
)

Wait = Callable[[Callable[[], object]], None]
_PLACE = Qt.ItemDataRole.UserRole


@pytest.fixture
def wait(qtbot: QtBot) -> Wait:
    return lambda condition: qtbot.waitUntil(lambda: bool(condition()), timeout=PATIENCE)


@pytest.fixture
def pictures(home: Path) -> Path:
    fill(home / "pictures")
    return home / "pictures"


@pytest.fixture
def shop(qtbot: QtBot, home: Path) -> Iterator[Workshop]:
    workshop = open_workshop(qtbot)
    yield workshop
    workshop.close()


@pytest.fixture
def trashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of files that went to the trash."""
    names: list[str] = []

    def send(path: Path) -> None:
        names.append(path.name)
        path.unlink()

    monkeypatch.setattr("send2trash.send2trash", send)
    return names


@pytest.fixture
def gallery(qtbot: QtBot, pictures: Path, shop: Workshop, wait: Wait) -> GalleryScreen:
    screen = open_gallery(qtbot, shop)
    wait(lambda: len(seeds(screen)) == len(PROMPTS))
    return screen


def press(qtbot: QtBot, widget: QWidget, *keys: Qt.Key) -> None:
    for key in keys:
        qtbot.keyClick(widget, key)


def choose(screen: GalleryScreen, *rows: int) -> None:
    flags = QItemSelectionModel.SelectionFlag
    screen.grid.setCurrentIndex(screen.model.index(rows[0]))
    for row in rows[1:]:
        screen.grid.selectionModel().select(screen.model.index(row), flags.Select)


def test_an_empty_gallery_leads_to_the_first_picture(qtbot: QtBot, shop: Workshop) -> None:
    screen = open_gallery(qtbot, shop)
    assert screen.middle.currentWidget() is screen.empty
    assert screen.empty.title.text() == "No pictures yet"
    qtbot.mouseClick(screen.empty.button, Qt.MouseButton.LeftButton)
    assert shop.window.make_screen.isVisible()


def test_pictures_are_found_by_words_and_places(gallery: GalleryScreen, qtbot: QtBot, wait: Wait) -> None:
    assert seeds(gallery) == [4, 3, 2, 1]
    gallery.search.field.setFocus()
    qtbot.keyClicks(gallery.search.field, "panda or.")
    press(qtbot, gallery.search.field, *[Qt.Key.Key_Backspace] * 4, Qt.Key.Key_Return)
    wait(lambda: seeds(gallery) == [1])
    assert gallery.search.count.text() == "1 picture"
    qtbot.keyClicks(gallery.search.field, " nothing like it")
    press(qtbot, gallery.search.field, Qt.Key.Key_Return)
    wait(lambda: gallery.middle.currentWidget() is gallery.empty)
    assert gallery.empty.title.text() == "Nothing found"
    qtbot.mouseClick(gallery.empty.button, Qt.MouseButton.LeftButton)
    wait(lambda: seeds(gallery) == [4, 3, 2, 1])
    assert gallery.search.field.text() == ""
    gallery.search.order.setCurrentIndex(1)
    gallery.search.order.activated.emit(1)
    wait(lambda: seeds(gallery) == [1, 2, 3, 4])


def test_with_the_keyboard_alone(
    gallery: GalleryScreen, shop: Workshop, qtbot: QtBot, wait: Wait, trashed: list[str]
) -> None:
    grid = gallery.grid
    grid.setFocus()
    press(qtbot, grid, Qt.Key.Key_Home, Qt.Key.Key_Right)
    wait(lambda: gallery.curator.gallery.card and gallery.curator.gallery.card.picture.seed == 3)
    press(qtbot, grid, Qt.Key.Key_Period, Qt.Key.Key_4)
    wait(lambda: (card := gallery.curator.gallery.card) and card.picture.starred and card.picture.rating == 4)
    assert gallery.curator.gallery.selected == (gallery.model.numbers[1],)
    press(qtbot, grid, Qt.Key.Key_I)
    assert not gallery.info.isVisible()
    press(qtbot, grid, Qt.Key.Key_Space)
    assert gallery.middle.currentWidget() is gallery.viewer
    wait(lambda: gallery.viewer.view.image)
    press(qtbot, gallery.viewer, Qt.Key.Key_Right, Qt.Key.Key_Escape)
    assert gallery.middle.currentWidget() is grid
    wait(lambda: gallery.curator.gallery.card and gallery.curator.gallery.card.picture.seed == 2)
    press(qtbot, grid, Qt.Key.Key_Delete)
    wait(lambda: seeds(gallery) == [4, 3, 1])
    assert gallery.undo.isVisible()
    qtbot.keyClick(gallery, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    wait(lambda: seeds(gallery) == [4, 3, 2, 1])
    assert not trashed
    press(qtbot, grid, Qt.Key.Key_R)
    wait(shop.window.make_screen.isVisible)
    assert shop.make.form.prompt in PROMPTS


def test_letters_typed_in_a_field_are_letters(gallery: GalleryScreen, qtbot: QtBot, wait: Wait) -> None:
    choose(gallery, 0)
    wait(lambda: gallery.curator.gallery.card)
    gallery.search.field.setFocus()
    qtbot.keyClicks(gallery.search.field, "i.r4 ")
    press(qtbot, gallery.search.field, Qt.Key.Key_Delete)
    assert gallery.search.field.text() == "i.r4 "
    assert gallery.info.isVisible()
    assert gallery.isVisible()
    gallery.search.search_now()
    wait(lambda: not found(gallery).numbers)
    assert found(gallery).starred == 0


def test_deleted_pictures_go_to_the_trash_when_the_window_closes(
    gallery: GalleryScreen, shop: Workshop, wait: Wait, trashed: list[str], pictures: Path
) -> None:
    choose(gallery, 0, 1)
    assert gallery.chosen.isVisible()
    assert gallery.chosen.words.text() == "2 chosen"
    wait(lambda: gallery.curator.gallery.card)
    gallery.chosen.delete.click()
    wait(lambda: seeds(gallery) == [2, 1])
    assert len(list(pictures.iterdir())) == 4
    shop.window.close()
    shop.close()
    assert sorted(trashed) == ["p3.png", "p4.png"]
    with open_library() as library:
        assert count_pictures(library) == 2


def test_what_the_trash_refuses_is_shown_again(
    gallery: GalleryScreen, shop: Workshop, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError

    monkeypatch.setattr("send2trash.send2trash", refuse)
    choose(gallery, 0)
    wait(lambda: gallery.curator.gallery.card)
    gallery.deeds.do("delete")
    wait(lambda: seeds(gallery) == [3, 2, 1])
    gallery.undo.close_button.click()
    wait(lambda: seeds(gallery) == [4, 3, 2, 1])
    assert "could not be moved to the trash" in shop.window.problem.message.text()


def test_collections_and_tags(gallery: GalleryScreen, qtbot: QtBot, wait: Wait) -> None:
    qtbot.keyClicks(gallery.places.new, "Postcards")
    press(qtbot, gallery.places.new, Qt.Key.Key_Return)
    wait(lambda: Place("collection", "Postcards") in gallery.places.places())
    choose(gallery, 0, 2)
    gallery.chosen.menu.aboutToShow.emit()
    gallery.chosen.menu.actions()[0].trigger()
    wait(lambda: found(gallery).collections[0].pictures == 2)
    choose(gallery, 1)
    wait(lambda: gallery.curator.gallery.card and gallery.curator.gallery.card.picture.seed == 3)
    qtbot.keyClicks(gallery.info.new_tag, "snow")
    press(qtbot, gallery.info.new_tag, Qt.Key.Key_Return)
    wait(lambda: "snow" in gallery.info.tags.chips)
    gallery.places.list.setCurrentRow(3)
    wait(lambda: seeds(gallery) == [4, 2])
    assert gallery.curator.gallery.place == Place("collection", "Postcards")
    gallery.curator.rename_label("collection", "Postcards", "Cards")
    wait(lambda: Place("collection", "Cards") in gallery.places.places())
    assert seeds(gallery) == [4, 2]
    gallery.curator.go(Place("tag", "snow"))
    wait(lambda: seeds(gallery) == [3])
    choose(gallery, 0)
    wait(lambda: gallery.info.tags.chips)
    gallery.info.tags.chips["snow"].click()
    wait(lambda: gallery.middle.currentWidget() is gallery.empty)


def test_pictures_are_dragged_onto_places(
    gallery: GalleryScreen, shop: Workshop, wait: Wait, pictures: Path
) -> None:
    gallery.curator.new_collection("Postcards")
    wait(lambda: Place("collection", "Postcards") in gallery.places.places())
    choose(gallery, 0, 2)
    wait(lambda: gallery.curator.gallery.card)
    places = gallery.places.list

    def row_of(place: Place) -> QPoint:
        items = (places.item(row) for row in range(places.count()))
        return next(places.visualItemRect(item).center() for item in items if item.data(_PLACE) == place)

    dragged = gallery.grid.drag_data()
    assert sorted(url.fileName() for url in dragged.urls()) == ["p2.png", "p4.png"]
    assert not drop(shop.window, dragged)
    assert drop(places.viewport(), dragged, row_of(Place("collection", "Postcards")))
    wait(lambda: found(gallery).collections[0].pictures == 2)
    assert not drop(places.viewport(), dragged, row_of(Place()))
    assert drop(places.viewport(), dragged, row_of(Place("starred")))
    wait(lambda: found(gallery).starred == 2)
    drop(places.viewport(), mime_of(pictures / "p1.png"), row_of(Place("collection", "Postcards")))
    wait(shop.window.make_screen.note.isVisible)  # a file from elsewhere is the window's: its settings
    assert found(gallery).collections[0].pictures == 2


def test_a_picture_that_is_made_appears(
    gallery: GalleryScreen, shop: Workshop, qtbot: QtBot, wait: Wait
) -> None:
    shop.make.form.prompt = "made just now"
    shop.make.generate()
    wait(lambda: len(seeds(gallery)) == 5)
    picture = gallery.model.picture(0)
    assert picture is not None
    assert picture.prompt == "made just now"
    assert picture.path.exists()


def test_files_for_other_programs(
    gallery: GalleryScreen, wait: Wait, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(gallery, 0, 1)
    wait(lambda: gallery.curator.gallery.card)
    indexes = gallery.grid.selectionModel().selectedIndexes()
    dragged = gallery.model.mimeData(indexes)
    assert sorted(url.fileName() for url in dragged.urls()) == ["p3.png", "p4.png"]
    gallery.deeds.do("copy")
    assert len(QGuiApplication.clipboard().mimeData().urls()) == 2
    choose(gallery, 3)
    wait(lambda: gallery.curator.gallery.card and gallery.curator.gallery.card.picture.seed == 1)
    gallery.deeds.do("copy")
    wait(lambda: QGuiApplication.clipboard().mimeData().hasImage())
    monkeypatch.setattr(handing, "ask_for_copy", lambda *_: pictures / "plain.png")
    gallery.deeds.do("plain")
    wait(lambda: (pictures / "plain.png").exists())


def test_a_folder_that_is_away_can_be_found(
    gallery: GalleryScreen, wait: Wait, tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures.rename(tmp_path / "moved")
    choose(gallery, 0)
    wait(lambda: gallery.info.find_folder.isVisible())
    assert "Not connected" in gallery.info.where.text()
    assert not gallery.info.start.isEnabled()
    monkeypatch.setattr(handing, "ask_for_folder", lambda *_: tmp_path / "moved")
    gallery.info.find_folder.click()
    wait(lambda: not gallery.info.find_folder.isVisible())
    wait(lambda: (found := gallery.model.picture(0)) and found.path.parent == tmp_path / "moved")


def test_a_broken_library_offers_to_be_rebuilt(qtbot: QtBot, pictures: Path, wait: Wait) -> None:
    database_path().write_bytes(b"spoilt" * 1000)
    shop = open_workshop(qtbot)
    wait(shop.window.problem.isVisible)
    assert "unharmed" in shop.window.problem.message.text()
    assert shop.window.problem.buttons[0].text() == "Rebuild from the pictures"
    shop.window.problem.buttons[0].click()
    screen = open_gallery(qtbot, shop)
    wait(lambda: seeds(screen) == [4, 3, 2, 1])
    assert not shop.window.problem.isVisible()
    shop.close()


def test_chosen_pictures_are_compared(gallery: GalleryScreen, qtbot: QtBot, wait: Wait) -> None:
    choose(gallery, 0, 1, 3)
    gallery.chosen.resize(400, 48)
    assert (gallery.chosen.compare.text(), gallery.chosen.compare.accessibleName()) == ("", "Compare")
    gallery.chosen.resize(700, 48)
    assert gallery.chosen.compare.text() == "Compare"
    gallery.chosen.compare.click()
    wait(lambda: gallery.middle.currentWidget() is gallery.comparing)
    view = gallery.comparing
    wait(lambda: len(view.side_by_side.views) == 3 and all(each.image for each in view.side_by_side.views))
    table = table_of(view)
    assert list(table) == ["Seed", "Prompt", "Steps"]
    assert table["Seed"] == ["4", "3", "1"]
    view.over.click()
    assert view.sliding.isVisible()
    assert [button.text() for button in view.sliding.others.buttons()] == ["A and B", "A and C"]
    view.sliding.slider.setValue(250)
    assert view.sliding.area.part == 0.25
    qtbot.mouseClick(
        view.sliding.area, Qt.MouseButton.LeftButton, pos=view.sliding.area.frame().center().toPoint()
    )
    assert abs(view.sliding.area.part - 0.5) < 0.1
    press(qtbot, view.sliding.slider, Qt.Key.Key_Escape)
    assert gallery.middle.currentWidget() is gallery.grid

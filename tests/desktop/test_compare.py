"""What differs between pictures, and the grid's arithmetic: no library, no worker."""

from __future__ import annotations

from array import array
from dataclasses import replace
from unittest.mock import Mock

from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from desktop.library.record import Controlled, InitPicture, Inpainted
from desktop.model.compare import Difference, Item, differences
from desktop.view.gallery.cell import Cell
from desktop.view.gallery.grid_view import GridView
from desktop.view.gallery.pictures_model import PicturesModel
from desktop.view.text import breakable, is_right_to_left
from tests.library_pictures import RECORD


class SilentShelf:
    """Is asked, and never answers."""

    def __init__(self) -> None:
        self.asked = 0

    def ask(self, call: object, then: object = None) -> None:
        self.asked += 1

    def change(self, call: object, then: object = None, *, what: str = "") -> None: ...


def test_only_what_differs_is_listed() -> None:
    items = [
        Item("a", replace(RECORD, steps=4, sampler="euler")),
        Item("b", replace(RECORD, steps=8, sampler="dpmpp_2m"), seconds=2.5),
    ]
    assert differences(items) == (
        Difference("Steps", ("4", "8")),
        Difference("Sampler", ("Euler", "DPM++ 2M")),
        Difference("Time", ("", "2.5 s")),
    )
    assert differences(items[:1]) == ()
    assert differences([items[0], items[0]]) == ()


def test_masks_and_extensions_are_told_apart() -> None:
    made = Inpainted(mask="AA==", sha256="0123456789", feather=8)
    items = [
        Item("a", replace(RECORD, inpainting=made)),
        Item("b", replace(RECORD, inpainting=replace(made, sha256="abcdef0123"))),
        Item("c", replace(RECORD, inpainting=Inpainted(extend=(64, 0, 0, 0)))),
        Item("d", RECORD),
    ]
    part = "a part of the start picture, edge 8 px soft"
    assert differences(items) == (
        Difference("Made anew", (f"{part} (01234567)", f"{part} (abcdef01)", "Left 64 px", "")),
    )


def test_poses_of_one_name_are_told_apart() -> None:
    def item(sha256: str, pose: str = "{}") -> Item:
        picture = InitPicture(name="drawn pose.json", path="", sha256=sha256)
        told = Controlled(model="openpose", picture=picture, prepare="pose", pose=pose)
        return Item(sha256, replace(RECORD, controls=(told,)))

    (difference,) = differences([item("0123456789"), item("abcdef0123")])
    assert difference.name == "Guides"
    assert ["(01234567)" in difference.values[0], "(abcdef01)" in difference.values[1]] == [True, True]
    assert differences([item("0123456789"), item("0123456789")]) == ()


def test_a_hundred_thousand_pictures_are_arithmetic(qtbot: QtBot) -> None:
    shelf, view = SilentShelf(), GridView()
    model = PicturesModel(shelf)
    qtbot.addWidget(view)
    view.setModel(model)
    view.setItemDelegate(cell := Cell(Mock()))
    view.resize(900, 600)
    view.show()
    model.show(array("q", range(1, 100_001)))
    lines = -(-100_000 // view.columns)
    assert view.verticalScrollBar().maximum() == lines * view.cell - view.viewport().height()
    last = model.index(99_999)
    view.setCurrentIndex(last)
    assert view.viewport().rect().contains(view.visualRect(last).center())
    assert view.indexAt(view.visualRect(last).center()) == last
    qtbot.keyClick(view, Qt.Key.Key_Home)
    assert view.currentIndex().row() == 0
    qtbot.keyClick(view, Qt.Key.Key_Down)
    qtbot.keyClick(view, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    chosen = sorted(index.row() for index in view.selectionModel().selectedIndexes())
    assert chosen == [view.columns, view.columns + 1]
    qtbot.keyClick(view, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert len(view.selectionModel().selectedIndexes()) == 100_000
    view.grab()
    assert 0 < shelf.asked <= 6  # only the pages that were in view
    assert view.itemDelegate() is cell


def test_resizing_keeps_the_place(qtbot: QtBot) -> None:
    view, model = GridView(), PicturesModel(SilentShelf())
    qtbot.addWidget(view)
    view.setModel(model)
    view.resize(900, 600)
    view.show()
    model.show(array("q", range(10_000)))
    view.scrollTo(model.index(5000), view.ScrollHint.PositionAtCenter)
    before = view.indexAt(QPoint(5, 5)).row()
    view.resize(600, 600)
    after = view.indexAt(QPoint(5, 5)).row()
    assert abs(after - before) < view.columns
    view.resize_cells(1)
    assert view.cell == 240


def test_right_to_left_text_and_words_without_end() -> None:
    assert is_right_to_left("  123 شاطئ and more")
    assert not is_right_to_left("a beach شاطئ")
    assert not is_right_to_left("...")
    assert breakable("short " + "x" * 50) == "short " + "x" * 24 + "\u200b" + "x" * 24 + "\u200b" + "xx"

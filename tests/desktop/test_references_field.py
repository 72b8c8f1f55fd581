"""Reference pictures in the window: brought, moved, removed, told, with real widgets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from backends.core.contract import ReferenceRefused
from desktop.view.guides.references import _MOVED, ReferencesField
from tests.desktop import still_window, window_kit
from tests.desktop.dropping import drop, mime_of
from tests.desktop.guide_kit import write_picture
from tests.desktop.still import MODELS
from tests.desktop.still_window import StillShop
from tests.desktop.window_kit import Wait
from tests.fakes import square

wait, plain = window_kit.wait, still_window.still
LEFT, ALT = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.AltModifier
LOOKS = replace(MODELS[0], takes_references=True)


@pytest.fixture
def still(plain: StillShop) -> StillShop:
    """With a model that looks at pictures."""
    plain.make.offer([LOOKS])
    return plain


@pytest.fixture
def field(still: StillShop, tmp_path: Path, wait: Wait) -> ReferencesField:
    """With a cat, a hat and a mat, which were dropped."""
    field = still.window.form.references
    for count, (name, colour) in enumerate({"cat": "teal", "hat": "red", "mat": "blue"}.items(), 1):
        assert drop(field, mime_of(write_picture(tmp_path / f"{name}.png", colour)))
        wait(lambda count=count: len(field.tiles) == count)
    return field


def names(still: StillShop) -> list[str]:
    return [picture.name.removesuffix(".png") for picture in still.make.form.references]


def test_dropped_pictures_are_in_the_request_in_their_order(
    still: StillShop, field: ReferencesField, tmp_path: Path, qtbot: QtBot
) -> None:
    for number, (_, then, _) in enumerate(still.bench.looks):
        then(square(96, 64, number), (900, 600))
    assert [tile.picture for tile in field.tiles] == [square(96, 64, number) for number in range(3)]
    qtbot.mouseClick(still.window.form.generate, LEFT)
    files = [(tmp_path / f"{name}.png").read_bytes() for name in ("cat", "hat", "mat")]
    assert list(still.request.references) == files
    still.finish()
    details = still.window.recent.details
    assert details.values["References"].text() == "cat.png, hat.png, mat.png"
    still.make.form.references = ()
    assert field.tiles == []
    qtbot.mouseClick(details.repeat, LEFT)
    assert names(still) == ["cat", "hat", "mat"]


def test_they_are_moved_by_keys_and_dragging(still: StillShop, field: ReferencesField, qtbot: QtBot) -> None:
    first = field.tiles[0]
    first.setFocus()
    qtbot.keyClick(first, Qt.Key.Key_Right, ALT)
    assert names(still) == ["hat", "cat", "mat"]
    assert field.tiles[1].hasFocus()
    qtbot.keyClick(field.tiles[1], Qt.Key.Key_Left, ALT)
    qtbot.keyClick(field.tiles[0], Qt.Key.Key_Left, ALT)
    assert names(still) == ["cat", "hat", "mat"]
    dragged = QMimeData()
    dragged.setData(_MOVED, b"2")
    assert drop(field, dragged, QPoint(field.tiles[0].geometry().center()))
    assert names(still) == ["mat", "cat", "hat"]
    assert "Reference picture 1: mat.png" in field.tiles[0].accessibleName()


def test_they_are_removed_by_a_click_a_key_and_the_menu(
    still: StillShop, field: ReferencesField, qtbot: QtBot
) -> None:
    qtbot.mouseClick(field.tiles[1].remove, LEFT)
    assert names(still) == ["cat", "mat"]
    field.tiles[0].setFocus()
    qtbot.keyClick(field.tiles[0], Qt.Key.Key_Delete)
    assert names(still) == ["mat"]
    deeds = {words: (act, able) for words, act, able in field.tiles[0]._deeds()}
    assert [able for _, able in deeds.values()] == [False, False, True]
    deeds["Remove"][0]()
    assert names(still) == []
    assert field.findChildren(QMenu) == []


def test_a_fifth_is_one_too_many(
    still: StillShop, field: ReferencesField, tmp_path: Path, wait: Wait
) -> None:
    still.make.guides.bring_reference(tmp_path / "cat.png")
    wait(lambda: len(field.tiles) == 4)
    assert not field.add.isVisible()
    still.make.guides.bring_reference(tmp_path / "cat.png")
    wait(lambda: still.make.studio.problem)
    assert "4 reference pictures already" in still.window.problem.message.text()


def test_another_model_says_it_takes_none(still: StillShop, field: ReferencesField, qtbot: QtBot) -> None:
    still.make.offer([MODELS[0]])
    assert field.why_not.text() == "Small can't look at reference pictures; FLUX.2 klein can."
    assert field.isVisible()
    assert not field.add.isVisible()
    qtbot.mouseClick(still.window.form.generate, LEFT)
    assert still.bench.jobs == []
    (button,) = still.window.problem.buttons
    qtbot.mouseClick(button, LEFT)
    assert still.request.references == ()
    assert not field.isVisible()
    qtbot.mouseClick(still.window.make_screen.note.act, LEFT)
    assert names(still) == ["cat", "hat", "mat"]


def test_what_the_worker_refuses_can_be_made_without(
    still: StillShop, field: ReferencesField, qtbot: QtBot
) -> None:
    qtbot.mouseClick(still.window.form.generate, LEFT)
    still.fail(ReferenceRefused("A reference picture can't be 8 x 8.", "Use a larger one."))
    (button,) = still.window.problem.buttons
    qtbot.mouseClick(button, LEFT)
    assert still.request.references == ()


def test_a_picture_over_the_canvas_can_be_looked_at(still: StillShop, tmp_path: Path, wait: Wait) -> None:
    canvas, cat = still.window.canvas, write_picture(tmp_path / "cat.png")
    assert drop(canvas, mime_of(cat), QPoint(canvas.width() - 30, 60))
    wait(lambda: names(still) == ["cat"])
    still.make.offer([MODELS[0]])
    assert drop(canvas, mime_of(cat), QPoint(canvas.width() - 30, 60))
    wait(lambda: still.make.form.start)


def test_a_finished_picture_can_be_looked_at(still: StillShop, tmp_path: Path, wait: Wait) -> None:
    still.make.generate()
    still.finish(str(write_picture(tmp_path / "made.png")))
    details = still.window.recent.details
    assert details.reference.isEnabled()
    details.reference.trigger()
    wait(lambda: names(still) == ["made"])

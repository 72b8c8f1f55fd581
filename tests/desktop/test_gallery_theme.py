"""The Gallery wears another theme at once."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.library import marks
from desktop.library.database import open_library
from desktop.view import theme
from desktop.view.app import wear_theme
from tests.desktop.gallery_kit import PATIENCE, fill, open_gallery, open_workshop


def test_the_places_signs_follow_the_theme(qtbot: QtBot, home: Path) -> None:
    fill(home / "pictures")
    app, shop = cast(QApplication, QApplication.instance()), open_workshop(qtbot)
    wear_theme(app, theme.DARK)
    shop.shelf.change(lambda library: marks.add_label(library, "collection", "Postcards", [1, 2])).result()
    places = open_gallery(qtbot, shop).places.list
    qtbot.waitUntil(lambda: places.count() > 3, timeout=PATIENCE)

    def drawn() -> QImage:
        return places.item(0).icon().pixmap(20).toImage()

    before = drawn()
    wear_theme(app, theme.LIGHT)
    assert drawn() != before
    wear_theme(app, theme.DARK)
    assert drawn() == before
    with open_library() as library:  # once the theme's changes and what they may have asked for are over
        shop.shelf.ask(lambda _: None).result()
        assert [each.name for each in marks.all_labels(library, "collection")] == ["Postcards"]
    shop.close()

"""The Gallery wears another theme at once."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.view import theme
from desktop.view.app import wear_theme
from tests.desktop.gallery_kit import PATIENCE, fill, open_gallery, open_workshop


def test_the_places_signs_follow_the_theme(qtbot: QtBot, home: Path) -> None:
    fill(home / "pictures")
    app, shop = cast(QApplication, QApplication.instance()), open_workshop(qtbot)
    wear_theme(app, theme.DARK)
    places = open_gallery(qtbot, shop).places.list
    qtbot.waitUntil(lambda: places.count() > 1, timeout=PATIENCE)

    def drawn() -> QImage:
        return places.item(0).icon().pixmap(20).toImage()

    before = drawn()
    wear_theme(app, theme.LIGHT)
    assert drawn() != before
    wear_theme(app, theme.DARK)
    assert drawn() == before
    shop.close()

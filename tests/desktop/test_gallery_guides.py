"""Guides and reference pictures in the gallery: told of a picture, brought back by it, and made of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from backends.core.contract import Picture
from desktop.errands import read_start, to_init
from desktop.library import paths
from desktop.library.database import open_library
from desktop.library.index import add_pictures, read_picture_file
from desktop.library.pictures import encode_picture
from desktop.library.record import Controlled
from desktop.view.app import Workshop
from desktop.view.gallery.screen import GalleryScreen
from tests.desktop import window_kit
from tests.desktop.gallery_kit import open_gallery, open_workshop, record
from tests.desktop.guide_kit import write_picture
from tests.desktop.window_kit import Wait

wait = window_kit.wait


@pytest.fixture
def fox(tmp_path: Path) -> Path:
    return write_picture(tmp_path / "fox.png")


@pytest.fixture
def made(home: Path, fox: Path) -> Path:
    """A picture in the library that the fox's edges guided, and for which the fox was looked at."""
    picture = to_init(read_start(fox))
    told = Controlled(model="canny", picture=picture, prepare="canny", weight=0.7, end=0.5)
    path = paths.pictures_folder() / "made.png"
    path.parent.mkdir(parents=True)
    whole = replace(record(1, "a fox"), controls=(told,), references=(picture,), init_image=None)
    path.write_bytes(encode_picture(Picture(8, 8, bytes(192)), whole))
    with open_library() as library:
        add_pictures(library, [read_picture_file(path)])
    return path


@pytest.fixture
def shop(qtbot: QtBot, made: Path) -> Iterator[Workshop]:
    workshop = open_workshop(qtbot)
    able = replace(workshop.make.studio.models[0], takes_controls=True, takes_references=True)
    workshop.make.offer([able])
    yield workshop
    workshop.close()


@pytest.fixture
def gallery(qtbot: QtBot, shop: Workshop, wait: Wait) -> GalleryScreen:
    """With the picture chosen."""
    gallery = open_gallery(qtbot, shop)
    gallery.grid.setCurrentIndex(gallery.model.index(0, 0))
    wait(lambda: (card := gallery.curator.gallery.card) and card.record)
    return gallery


def deeds(gallery: GalleryScreen) -> list[str]:
    menu = QMenu()
    gallery.deeds.fill_menu(menu)
    return [action.text().split("\t")[0] for action in menu.actions()]


def test_it_is_told(gallery: GalleryScreen) -> None:
    values = gallery.info.values
    assert values["Guides"].words == "canny: fox.png, Edges (canny), weight 0.7, 0 to 50 % of the steps"
    assert values["References"].words == "fox.png"


def test_remix_brings_them_back(shop: Workshop, gallery: GalleryScreen, fox: Path, wait: Wait) -> None:
    gallery.info.remix.click()
    wait(lambda: shop.make.form.guides)
    form = shop.make.form
    (guide,) = form.guides
    assert (guide.model, guide.prepare, guide.weight, guide.end) == ("canny", "canny", 0.7, 0.5)
    assert guide.picture.data == fox.read_bytes()
    assert form.references == (guide.picture,)
    assert shop.window.make_screen.guides.button.text() == "Guides (1)"


def test_what_is_gone_is_told(shop: Workshop, gallery: GalleryScreen, fox: Path, wait: Wait) -> None:
    fox.unlink()
    gallery.info.remix.click()
    wait(shop.window.make_screen.note.isVisible)
    assert (shop.make.form.guides, shop.make.form.references) == ((), ())
    assert "Not taken over: 2." in shop.window.make_screen.note.message.text()


def test_variations_have_them(shop: Workshop, gallery: GalleryScreen, wait: Wait) -> None:
    gallery.info.variations.click()
    wait(lambda: shop.make.queue.entries)
    request = shop.make.queue.entries[0].job.request
    assert [control.model for control in request.controls] == ["canny"]
    assert len(request.references) == 1
    assert request.init_image is not None


def test_it_can_guide_and_be_looked_at(
    shop: Workshop, gallery: GalleryScreen, made: Path, wait: Wait
) -> None:
    assert {"Use as guide", "Use as reference picture"} <= set(deeds(gallery))
    gallery.deeds.do("guide")
    gallery.deeds.do("reference")
    wait(lambda: shop.make.form.guides and shop.make.form.references)
    assert shop.make.form.guides[0].picture.data == made.read_bytes()
    assert [picture.name for picture in shop.make.form.references] == ["made.png"]
    shop.make.offer([replace(shop.make.studio.models[0], takes_controls=False, takes_references=False)])
    assert not {"Use as guide", "Use as reference picture"} & set(deeds(gallery))

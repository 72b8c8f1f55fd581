"""A window over a library with some pictures, without a worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pytestqt.qtbot import QtBot

from backends.core.contract import Defaults, Picture
from desktop.keeping import Keeping
from desktop.library.database import open_library
from desktop.library.index import add_pictures, read_picture_file
from desktop.library.pictures import encode_picture
from desktop.library.record import Record
from desktop.model.form import ModelChoice
from desktop.model.gallery import Overview
from desktop.session import Session
from desktop.shelf import Shelf
from desktop.view.app import Workshop
from desktop.view.compare import CompareView
from desktop.view.gallery.screen import GalleryScreen
from tests.fakes import FAKE_ENGINE
from tests.library_pictures import RECORD

PATIENCE = 30_000
SMALL = Defaults(width=64, height=64, steps=5, guidance_scale=5.0, sampler="euler")
PROMPTS = ("a panda at the beach", "a red lighthouse", "a fox in the snow", "باندا على الشاطئ")


def fill(folder: Path, prompts: Sequence[str] = PROMPTS) -> None:
    """Pictures with these prompts, a day apart, the first the oldest; seeds count from 1."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [_write(folder, number, prompt) for number, prompt in enumerate(prompts, 1)]
    with open_library() as library:
        add_pictures(library, [read_picture_file(file) for file in files])


def _write(folder: Path, number: int, prompt: str) -> Path:
    path = folder / f"p{number}.png"
    colour = bytes((number * 50 % 256, 120, 200))
    path.write_bytes(encode_picture(Picture(8, 8, colour * 64), record(number, prompt)))
    return path


def record(number: int, prompt: str) -> Record:
    created = f"2026-11-{number:02}T10:00:00+00:00"
    return replace(
        RECORD, seed=number, prompt=prompt, created=created, width=64, height=64, steps=5 + number,
        guidance_scale=5.0, sampler="euler", model="small",
    )  # fmt: skip


def open_workshop(qtbot: QtBot) -> Workshop:
    """The window and its library; the worker starts with the first job."""
    models = (ModelChoice(name="small", title="Small", folder=Path("a"), defaults=SMALL),)
    shelf = Shelf()
    workshop = Workshop(Session(Keeping(shelf), FAKE_ENGINE), shelf, models)
    qtbot.addWidget(workshop.window)
    workshop.window.show()
    workshop.shelf.open()
    qtbot.waitExposed(workshop.window)
    return workshop


def open_gallery(qtbot: QtBot, workshop: Workshop) -> GalleryScreen:
    """The gallery, once it knows what there is."""
    screen = workshop.window.show_screen("gallery")
    assert isinstance(screen, GalleryScreen)
    qtbot.waitUntil(lambda: screen.curator.gallery.overview is not None, timeout=PATIENCE)
    return screen


def seeds(screen: GalleryScreen) -> list[int | None]:
    """The seeds of the pictures that are shown, in order; empty while they are read."""
    pictures = [screen.model.picture(row) for row in range(screen.model.rowCount())]
    return [picture.seed for picture in pictures if picture is not None]


def found(screen: GalleryScreen) -> Overview:
    overview = screen.curator.gallery.overview
    assert overview is not None
    return overview


def table_of(view: CompareView) -> dict[str, list[str]]:
    """What the table says: setting -> its value for each picture."""
    table, told = view.table, dict[str, list[str]]()
    for row in range(table.rowCount()):
        header = table.verticalHeaderItem(row)
        cells = [table.item(row, column) for column in range(table.columnCount())]
        if header is not None:
            told[header.text()] = [cell.text() for cell in cells if cell is not None]
    return told

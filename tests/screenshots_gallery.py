"""The Gallery's states for the screenshots, over a small library with real-looking pictures."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelectionModel
from PySide6.QtTest import QTest

from backends.core.contract import Picture
from desktop.library import marks, paths
from desktop.library.database import open_library
from desktop.library.index import add_pictures, read_picture_file
from desktop.library.pictures import encode_picture
from desktop.library.search import find_numbers
from desktop.view.gallery.screen import GalleryScreen
from tests.library_pictures import RECORD

if TYPE_CHECKING:
    from tests.screenshots import Scene

PICTURES = 60
_SIZES = ((128, 128), (192, 128), (128, 192))
_PROMPTS = (
    "a panda eating tacos at the beach",
    "a red lighthouse in a storm, oil painting",
    "باندا تأكل التاكو على الشاطئ",
    "a fox asleep in deep snow",
)
_PATIENCE = 60.0
NO_PICTURE = 10**9


def fill_library(picture: Callable[[int, int, int, int], Picture]) -> None:
    """Pictures of three shapes, with stars, ratings, two collections and two tags."""
    folder = paths.pictures_folder()
    folder.mkdir(parents=True)
    files = []
    for number in range(PICTURES):
        width, height = _SIZES[number % 3]
        record = replace(
            RECORD, seed=4711 + number, prompt=_PROMPTS[number % 4], width=width, height=height, steps=20,
            guidance_scale=5.0, sampler=("dpmpp_2m", "euler")[number % 2],
            negative_prompt="blurry" * (number % 2),
            created=f"2026-11-{28 - number // 3:02}T10:{number % 60:02}:00+00:00",
            provenance={"backend": "cpu_offload", "precision": "float32"}, stage_seconds={"denoising": 1.8},
        )  # fmt: skip
        path = folder / f"2026-11-22-{4711 + number}-a-panda-eating-tacos.png"
        path.write_bytes(encode_picture(picture(number, 128, width, height), record))
        files.append(read_picture_file(path))
    with open_library() as library:
        add_pictures(library, files)
        numbers = list(find_numbers(library))
        marks.star_pictures(library, numbers[2:6], True)
        marks.rate_pictures(library, numbers[1:4], 4)
        marks.rate_pictures(library, numbers[9:11], 2)
        marks.add_label(library, "collection", "Postcards", numbers[:9])
        marks.add_label(library, "collection", "For the wall", numbers[3:5])
        marks.add_label(library, "tag", "sea", numbers[:5])
        marks.add_label(library, "tag", "night", numbers[2:4])


def wait(condition: Callable[[], object]) -> None:
    """Lets the window work until it is so."""
    end = time.monotonic() + _PATIENCE
    while not condition() and time.monotonic() < end:
        QTest.qWait(20)


def open_gallery(scene: Scene) -> GalleryScreen:
    screen = scene.window.show_screen("gallery")
    assert isinstance(screen, GalleryScreen)
    wait(lambda: screen.curator.gallery.overview is not None)
    return screen


def developed(scene: Scene, screen: GalleryScreen) -> None:
    """Every thumbnail in view is there."""
    room, grid = scene.workshop.darkroom, screen.grid

    def all_there() -> bool:
        grid.viewport().grab()
        return room.is_idle()

    QTest.qWait(100)
    wait(all_there)


def choose(screen: GalleryScreen, *rows: int) -> None:
    screen.grid.setCurrentIndex(screen.model.index(rows[0]))
    for row in rows[1:]:
        flags = QItemSelectionModel.SelectionFlag
        screen.grid.selectionModel().select(screen.model.index(row), flags.Select)
    wait(lambda: screen.curator.gallery.card is not None)


def gallery_empty(scene: Scene) -> None:
    open_gallery(scene)


def gallery(scene: Scene) -> None:
    screen = open_gallery(scene)
    choose(screen, 3)
    screen.grid.setFocus()
    developed(scene, screen)


def gallery_chosen(scene: Scene) -> None:
    screen = open_gallery(scene)
    choose(screen, 2, 3, 5)
    developed(scene, screen)


def gallery_deleted(scene: Scene) -> None:
    screen = open_gallery(scene)
    choose(screen, 1)
    developed(scene, screen)
    screen.curator.gallery.deleted = (NO_PICTURE,)


def gallery_large(scene: Scene) -> None:
    screen = open_gallery(scene)
    choose(screen, 4)
    screen.show_large(True)
    wait(lambda: screen.viewer.view.image is not None and screen.viewer.view.image.width() > 128)
    QTest.qWait(300)


def gallery_nothing_found(scene: Scene) -> None:
    screen = open_gallery(scene)
    screen.curator.search("a unicorn in space")
    wait(lambda: screen.middle.currentWidget() is screen.empty)


def gallery_compare(scene: Scene) -> None:
    screen = open_gallery(scene)
    choose(screen, 0, 3, 6)
    screen.compare()
    side_by_side = screen.comparing.side_by_side
    wait(lambda: len(side_by_side.views) == 3 and all(view.image for view in side_by_side.views))
    QTest.qWait(300)


def gallery_slider(scene: Scene) -> None:
    gallery_compare(scene)
    screen = open_gallery(scene)
    screen.comparing.over.click()


def gallery_away(scene: Scene) -> None:
    screen = open_gallery(scene)
    choose(screen, 3)
    developed(scene, screen)
    folder = paths.pictures_folder()
    folder.rename(folder.with_name("unplugged"))
    scene.workshop.darkroom.look_for_folders()
    QTest.qWait(200)
    choose(screen, 0)
    wait(screen.info.find_folder.isVisible)
    developed(scene, screen)
    scene.at_end.append(lambda: folder.with_name("unplugged").rename(folder))


STATES = (
    gallery, gallery_chosen, gallery_deleted, gallery_large, gallery_nothing_found, gallery_compare,
    gallery_slider, gallery_away,
)  # fmt: skip
"""Those over the full library."""

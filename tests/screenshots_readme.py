"""The README's four pictures of the window: everything in them is made here, by the starter model.

python -m tests.screenshots_readme [FOLDER]
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PIL import Image
from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from desktop.application import model_choices
from desktop.keeping import Keeping
from desktop.library import marks, paths
from desktop.library.database import Library
from desktop.library.search import find_numbers
from desktop.session import Session
from desktop.shelf import Shelf
from desktop.view import theme
from desktop.view.app import Workshop, wear_theme
from desktop.view.gallery.screen import GalleryScreen
from desktop.view.inside.panel import InsidePanel
from tests.screenshots_gallery import choose, wait

TARGET = Path(__file__).parents[1] / "packaging" / "pictures"
PROMPTS = (
    "a whale under water", "a cactus in the desert", "a rocket in space", "a lion in the meadow",
    "a red balloon at the beach", "an octopus under water", "a house in the snow", "a snail in the forest",
    "a butterfly in the meadow", "a banana on blue", "a sunflower in the meadow", "a fox in the snow",
    "a unicorn at night", "a penguin in the snow", "a strawberry on yellow",
)  # fmt: skip
LAST = "a panda at the beach"
_QUALITY = 88


class Studio:
    """A window with the real worker."""

    def __init__(self, app: QApplication, target: Path) -> None:
        self.app, self.target = app, target
        shelf = Shelf()
        self.workshop = Workshop(Session(Keeping(shelf)), shelf, model_choices())
        self.make, self.window = self.workshop.make, self.workshop.window
        self.workshop.open()

    def generate(self, prompt: str, seed: int = 0) -> None:
        """Makes one, and waits until it is in the library."""
        self.make.form.prompt = prompt
        self.make.form.choose_seed(seed)
        self.make.generate()
        wait(lambda: self.make.studio.progress is None)
        wait(lambda: self.make.studio.selected and self.make.studio.selected.path)

    def gallery(self) -> GalleryScreen:
        screen = self.window.show_screen("gallery")
        assert isinstance(screen, GalleryScreen)
        wait(lambda: screen.model.rowCount() > len(PROMPTS))
        return screen

    def grab(self, name: str, colours: theme.Colours) -> None:
        wear_theme(self.app, colours)
        wait(lambda: self.window.canvas.is_still)
        QTest.qWait(300)
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        self.window.grab().save(buffer, "PNG")  # pyright: ignore[reportCallIssue, reportArgumentType]
        picture = Image.open(io.BytesIO(bytes(buffer.data().data()))).convert("RGB")
        picture.save(self.target / f"window-{name}.webp", quality=_QUALITY, method=6)


def main() -> int:
    target = Path(*sys.argv[1:2]) if sys.argv[1:] else TARGET
    target.mkdir(parents=True, exist_ok=True)
    app = QApplication([])
    wear_theme(app, theme.DARK)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as home:
        os.environ[paths.HOME_VARIABLE] = home
        studio = Studio(app, target)
        for prompt in PROMPTS:
            studio.generate(prompt)
            print(f"{prompt}, {time.monotonic() - began:.0f} s", flush=True)
        for show in (_make_and_inside, _gallery, _compare):
            show(studio)
        studio.window.close()
        studio.workshop.close()
        studio.window.deleteLater()
        QTest.qWait(50)  # the window goes before the application does
    return 0


def _make_and_inside(studio: Studio) -> None:
    studio.window.make_screen.show_tab("inside")
    studio.generate(LAST)
    panel = studio.window.make_screen.shown.built["inside"]
    assert isinstance(panel, InsidePanel)
    panel.inside.show_step(9)
    panel.stations.open("steps")
    wait(lambda: studio.workshop.make.studio.progress is None)
    studio.grab("inside", theme.DARK)
    studio.window.make_screen.show_tab("picture")
    studio.grab("make", theme.LIGHT)


def _mark(library: Library) -> None:
    numbers = list(find_numbers(library))
    marks.star_pictures(library, numbers[2:6], True)
    marks.rate_pictures(library, numbers[1:4], 4)
    marks.add_label(library, "collection", "Postcards", numbers[:7])
    marks.add_label(library, "collection", "For the wall", numbers[3:5])
    marks.add_label(library, "tag", "sea", numbers[4:9])


def _gallery(studio: Studio) -> None:
    studio.workshop.shelf.change(_mark).result()
    screen = studio.gallery()
    wait(lambda: (found := screen.curator.gallery.overview) and found.collections)
    choose(screen, 3)
    screen.grid.setFocus()

    def developed() -> bool:
        screen.grid.viewport().grab()
        return studio.workshop.darkroom.is_idle()

    wait(developed)
    studio.grab("gallery", theme.DARK)


def _compare(studio: Studio) -> None:
    screen = studio.gallery()
    choose(screen, 9, 8, 12)
    screen.compare()
    side_by_side = screen.comparing.side_by_side
    wait(lambda: len(side_by_side.views) == 3 and all(view.image for view in side_by_side.views))
    studio.grab("compare", theme.LIGHT)


if __name__ == "__main__":
    sys.exit(main())

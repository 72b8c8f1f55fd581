"""What the Gallery's keys, buttons and menus do, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QImage, QKeySequence
from PySide6.QtWidgets import QMenu

from desktop.library.index import LibraryPicture
from desktop.library.moved import move_folder
from desktop.library.record import Record
from desktop.library.stripping import save_plain_copy
from desktop.model.backends import place_in_words
from desktop.model.compare import Item
from desktop.model.gallery import Card, Place
from desktop.model.gallery_keys import GALLERY_KEYS
from desktop.model.keys import keys_for
from desktop.model.language import tr
from desktop.model.recipes import ForeignRecipe
from desktop.recalling import names_pictures, recall
from desktop.view.gallery import handing
from desktop.view.gallery.bars import fill_collections

if TYPE_CHECKING:
    from desktop.view.app import Workshop
    from desktop.view.gallery.screen import GalleryScreen

_WHOLE = 2**15


class Deeds:
    """`do` does one of them with the chosen pictures. One that nothing is chosen for does nothing."""

    def __init__(self, workshop: Workshop, screen: GalleryScreen) -> None:
        self._workshop, self._screen = workshop, screen
        self._curator = screen.curator
        self._deeds: dict[str, Callable[[], object]] = {
            "make": lambda: workshop.window.show_screen("make"),
            "all": partial(self._curator.go, Place()),
            "clear": partial(self._curator.search, ""),
            "search": self._search,
            "info": lambda: screen.info.setVisible(not screen.info.isVisible()),
            "larger": partial(screen.grid.resize_cells, 1),
            "smaller": partial(screen.grid.resize_cells, -1),
            "undo": self._curator.undo,
            "compare": screen.compare,
            **{f"rate_{points}": partial(self._curator.rate, points) for points in range(6)},
        }
        self._deeds_with_card: dict[str, Callable[[Card], object]] = {
            "open": lambda _: screen.show_large(screen.middle.currentWidget() is not screen.viewer),
            "star": lambda _: self._curator.star(),
            "delete": lambda _: self._curator.delete(),
            "remix": self._remix,
            "start": self._start,
            "guide": self._guide,
            "reference": self._reference,
            "vary": self._vary,
            "copy": self._copy,
            "copy_prompt": lambda card: handing.copy_prompt(card.picture),
            "folder": lambda card: handing.show_in_folder(card.picture),
            "plain": self._save_plain,
            "find": self._find,
            "upscale": lambda card: screen.ask_upscale(card.picture.path),
        }

    def do(self, name: str) -> None:
        """Does what the name says."""
        if name in self._deeds:
            self._deeds[name]()
        else:
            self._curator.with_card(self._deeds_with_card[name])

    def fill_menu(self, menu: QMenu) -> None:
        """The menu for the chosen pictures."""
        menu.clear()
        self._add(menu, tr("Remix"), "remix")
        self._add(menu, tr("Use as start"), "start")
        if not self._workshop.make.studio.no_guides:
            self._add(menu, tr("Use as guide"), "guide")
        if not self._workshop.make.studio.no_references:
            self._add(menu, tr("Use as reference picture"), "reference")
        self._add(menu, tr("Variations"), "vary")
        self._add(menu, tr("Upscale…"), "upscale")
        menu.addSeparator()
        self._add(menu, tr("Favourite"), "star")
        collections = menu.addMenu(tr("Add to collection"))
        fill_collections(collections, self._curator)
        menu.addSeparator()
        self._add(menu, tr("Copy"), "copy")
        self._add(menu, tr("Copy prompt"), "copy_prompt")
        self._add(menu, tr("Show in folder"), "folder")
        self._add(menu, tr("Save a copy without metadata"), "plain")
        menu.addSeparator()
        self._add(menu, tr("Delete"), "delete")

    def _add(self, menu: QMenu, words: str, name: str) -> None:
        action = f"gallery.{name}"
        keys = keys_for(action, self._workshop.settings) if action in GALLERY_KEYS else ""
        shown = QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
        menu.addAction(f"{words}\t{shown}" if shown else words, partial(self.do, name))

    # --- into the form ---

    def _remix(self, card: Card) -> None:
        if card.record is not None:
            self._recall(card.record, self._workshop.make.use_recipe)
            self._workshop.window.show_screen("make")

    def _start(self, card: Card) -> None:
        self._workshop.make.use_as_start(card.picture.path)
        self._workshop.window.show_screen("make")

    def _guide(self, card: Card) -> None:
        self._workshop.make.guides.bring_guide(card.picture.path)
        self._workshop.window.show_screen("make")

    def _reference(self, card: Card) -> None:
        self._workshop.make.guides.bring_reference(card.picture.path)
        self._workshop.window.show_screen("make")

    def _vary(self, card: Card) -> None:
        if card.record is not None:
            vary, path = self._workshop.make.make_variations, card.picture.path
            self._recall(card.record, lambda foreign: vary(foreign, path))
            self._workshop.window.show_screen("make")

    def _recall(self, record: Record, then: Callable[[ForeignRecipe], None]) -> None:
        """With the pictures that it names, where it does; those are read first."""
        if names_pictures(record):
            self._workshop.errands.run(partial(recall, record), then, self._workshop.make.not_opened)
        else:
            then(recall(record))

    def _search(self) -> None:
        self._screen.search.field.setFocus()
        self._screen.search.field.selectAll()

    # --- to other programs ---

    def _copy(self, card: Card) -> None:
        chosen = self._chosen()
        if len(chosen) > 1:
            handing.copy_files(chosen)
            return

        def copy(image: QImage) -> None:
            handing.copy_files([card.picture], image)

        self._workshop.darkroom.develop(card.picture.path, _WHOLE, copy, self._workshop.make.not_opened)

    def _save_plain(self, card: Card) -> None:
        target = handing.ask_for_copy(self._screen, card.picture)
        if target is not None:
            task = partial(save_plain_copy, card.picture.path, target)
            self._workshop.errands.run(task, lambda _: None, self._workshop.make.not_opened)

    def _find(self, card: Card) -> None:
        folder = handing.ask_for_folder(self._screen, card.picture)
        if folder is not None:
            old = card.picture.path.parent
            self._workshop.shelf.change(lambda library: move_folder(library, old, folder))

    def _chosen(self) -> list[LibraryPicture]:
        """The chosen pictures, as far as they have been seen."""
        indexes = self._screen.grid.selectionModel().selectedIndexes()
        pictures = (self._screen.model.picture(index.row()) for index in indexes)
        return [picture for picture in pictures if picture is not None]


def to_item(card: Card, hardware: Mapping[str, str]) -> Item:
    """A picture of the gallery, to compare it."""
    picture, record = card.picture, card.record
    if record is None:
        record = Record(prompt=picture.prompt, seed=picture.seed, width=picture.width, height=picture.height)
    backend = place_in_words(record.provenance, hardware)
    seconds = sum(record.stage_seconds.values())
    return Item(key=picture.path, recipe=record, seconds=seconds, backend=backend)

"""The Gallery: places at the left, the pictures in the middle, the details at the right."""

from __future__ import annotations

from array import array
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelection, QItemSelectionModel, Qt, QTimer
from PySide6.QtGui import QHideEvent, QKeyEvent, QKeySequence, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QStackedWidget, QVBoxLayout, QWidget

from backends.core.contract import MezzotintError
from desktop.children import Children
from desktop.keeping import picture_destination
from desktop.model.compare import FEWEST, MOST, Comparison, Item
from desktop.model.gallery import Card, Curator, Overview, read_card
from desktop.model.gallery_keys import GALLERY_KEYS
from desktop.model.keys import keys_for
from desktop.model.language import tr
from desktop.model.problem import Problem
from desktop.model.upscaling import UpscaleDesk
from desktop.view import bind
from desktop.view.compare import CompareView, Take
from desktop.view.gallery.bars import ChosenBar, SearchBar, UndoBar
from desktop.view.gallery.cell import Cell
from desktop.view.gallery.deeds import Deeds, to_item
from desktop.view.gallery.empty_note import EmptyNote
from desktop.view.gallery.grid_view import GridView
from desktop.view.gallery.info_panel import InfoPanel
from desktop.view.gallery.pictures_model import PicturesModel
from desktop.view.gallery.places_list import PlacesList
from desktop.view.gallery.upscale_bar import UpscaleBar
from desktop.view.gallery.viewer import LARGEST, Viewer

if TYPE_CHECKING:
    from desktop.view.app import Workshop

_CALM_MS = 200
_MOST_RESTORED = 5000


class GalleryScreen(QWidget):
    """Lays the parts out, forwards keys and buttons to the Deeds, and keeps what is chosen across changes."""

    def __init__(self, workshop: Workshop) -> None:
        super().__init__()
        self._workshop = workshop
        self.curator = Curator(workshop.shelf, self._fail)
        self.model, self.grid = PicturesModel(workshop.shelf), GridView()
        self.viewer = Viewer(self.curator, workshop.darkroom)
        self.places, self.info = PlacesList(self.curator), InfoPanel(self.curator)
        self.search, self.chosen = SearchBar(self.curator), ChosenBar(self.curator)
        self.processes = Children()
        self.upscaling = UpscaleDesk(self.processes, self._upscaled)
        self.upscale = UpscaleBar(self.upscaling, workshop.additions)
        self.undo, self.empty = UndoBar(self.curator), EmptyNote(self.curator)
        self.comparison = Comparison()
        self.comparing = CompareView(self.comparison, self._pixels, empty="")
        self.middle = QStackedWidget()
        self.deeds = Deeds(workshop, self)
        self._stale = True
        self._calm = QTimer(self)
        self._lay_out()
        self._connect()

    def leave(self) -> None:
        """The window closes: what was deleted goes to the trash now."""
        self.curator.empty_bin()
        self.processes.close()

    def show_large(self, on: bool) -> None:
        """One picture, or all of them."""
        self.middle.setCurrentWidget(self.viewer if on else self._pictures())
        self.viewer.open() if on else self.grid.setFocus()

    def ask_upscale(self, picture: Path) -> None:
        """Asks how this picture is to be made larger."""
        self.upscaling.ask(picture)
        self.upscale.open()

    def compare(self) -> None:
        """Shows the chosen pictures side by side, when they are two to four."""
        chosen = self.curator.gallery.selected
        if FEWEST <= len(chosen) <= MOST:
            self._workshop.shelf.ask(
                lambda library: [read_card(library, number) for number in chosen], self._compare
            )

    def step(self, steps: int) -> None:
        """Goes to the next picture, or the one before."""
        row = self.grid.currentIndex().row() + steps
        if 0 <= row < self.model.rowCount():
            self.grid.setCurrentIndex(self.model.index(row))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys that the focused part has no use for; a field that is typed in has use for all."""
        action = self._actions.get(QKeySequence(event.keyCombination()).toString())
        if event.key() == Qt.Key.Key_Escape and self.middle.currentWidget() in (self.viewer, self.comparing):
            self.show_large(False)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.deeds.do("open")
        elif action is not None:
            self.deeds.do(action)
        else:
            super().keyPressEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._workshop.darkroom.watch(True)
        if self._stale:
            self._refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._workshop.darkroom.watch(False)

    # --- parts ---

    def _lay_out(self) -> None:
        self.grid.setAccessibleName(tr("Pictures"))
        self.grid.setModel(self.model)
        self.grid.setItemDelegate(self._keep_cell())
        self.grid.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        for widget in (self.grid, self.empty, self.viewer, self.comparing):
            self.middle.addWidget(widget)
        middle = QVBoxLayout()
        middle.setSpacing(0)
        for widget in (self.search, self.middle, self.upscale, self.undo, self.chosen):
            middle.addWidget(widget, 1 if widget is self.middle else 0)
        outer = QHBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.places)
        outer.addLayout(middle, 1)
        outer.addWidget(self.info)
        menu = QMenu(self.info.more)
        menu.aboutToShow.connect(partial(self.deeds.fill_menu, menu))
        self.info.more.setMenu(menu)
        self.info.more.setPopupMode(self.info.more.ToolButtonPopupMode.InstantPopup)

    def _keep_cell(self) -> Cell:
        self._cell = Cell(self._workshop.darkroom)
        return self._cell

    def _connect(self) -> None:
        self._actions: dict[str, str] = {}
        bind.follow(self._workshop.settings, "keys", self._learn_keys)
        self._calm.setSingleShot(True)
        self._calm.setInterval(_CALM_MS)
        self._calm.timeout.connect(self._refresh)
        self._workshop.shelf.changed.connect(self._changed)
        self._workshop.darkroom.developed.connect(self.grid.viewport().update)
        self.grid.selectionModel().selectionChanged.connect(self._select)
        self.grid.selectionModel().currentChanged.connect(self._select)
        self.grid.opened.connect(partial(self.show_large, True))
        self.grid.customContextMenuRequested.connect(self._show_menu)
        self.viewer.left.connect(partial(self.show_large, False))
        self.comparing.left.connect(partial(self.show_large, False))
        self.viewer.moved.connect(self.step)
        self.upscale.wanted.connect(self._upscale)
        for part in (self.info, self.chosen, self.empty):
            part.wanted.connect(self.deeds.do)
        bind.follow(self.curator.gallery, "overview", self._show)
        bind.follow(self._workshop.make.studio, "no_start", self.info.show_able)
        bind.follow(self._workshop.make.studio, "hardware", self.info.name_hardware)

    def _learn_keys(self, _: object) -> None:
        """The keys as the person has set them."""
        self._actions = {
            QKeySequence(keys_for(action, self._workshop.settings)).toString(): action.removeprefix(
                "gallery."
            )
            for action in GALLERY_KEYS
        }

    def _changed(self, what: str) -> None:
        """The library changed; several changes in a row are looked at once."""
        self._stale = self._stale or what == "pictures"
        if self._stale and self.isVisible() and not self._calm.isActive():
            self._calm.start()

    def _refresh(self) -> None:
        self._stale = False
        self.curator.refresh()

    def _show(self, overview: Overview | None) -> None:
        if overview is None:
            return
        chosen, cursor = self.curator.gallery.selected, self.grid.currentIndex().row()
        same = overview.numbers == self.model.numbers
        top = self.grid.verticalScrollBar().value()
        self.model.show(overview.numbers)
        if not same:
            self._restore(overview.numbers, chosen, cursor)
            self.grid.verticalScrollBar().setValue(top)
        self.empty.show_reason()
        if self.middle.currentWidget() in (self.grid, self.empty) or not overview.numbers:
            self.middle.setCurrentWidget(self._pictures())

    def _restore(self, numbers: array[int], chosen: tuple[int, ...], cursor: int) -> None:
        """What was chosen and is still there stays chosen; else the cursor stays where it was."""
        wanted = set(chosen[:_MOST_RESTORED])
        rows = [row for row, number in enumerate(numbers) if number in wanted] if wanted else []
        if not rows and numbers and cursor >= 0:
            rows = [min(cursor, len(numbers) - 1)]
        selection = QItemSelection()
        for row in rows:
            selection.select(self.model.index(row), self.model.index(row))
        flags = QItemSelectionModel.SelectionFlag
        if rows:
            self.grid.selectionModel().setCurrentIndex(self.model.index(rows[0]), flags.NoUpdate)
        self.grid.selectionModel().select(selection, flags.ClearAndSelect)
        self._select()

    def _upscale(self) -> None:
        settings = self._workshop.settings
        plain = () if settings.write_metadata else ("--plain",)
        self.upscaling.start(picture_destination(settings).folder, *plain)

    def _upscaled(self, path: Path) -> None:
        """It is in the library already: the process that made it put it there."""
        self._workshop.shelf.changed.emit("pictures")

    def _compare(self, cards: list[Card | None]) -> None:
        hardware = self._workshop.make.studio.hardware
        self.comparison.items = tuple(to_item(card, hardware) for card in cards if card is not None)
        self.middle.setCurrentWidget(self.comparing)
        self.comparing.back.setFocus()

    def _pixels(self, item: Item, take: Take) -> None:
        if isinstance(item.key, Path):
            self._workshop.darkroom.develop(item.key, LARGEST, take, self._fail)

    def _pictures(self) -> QWidget:
        overview = self.curator.gallery.overview
        return self.grid if overview is None or overview.numbers else self.empty

    def _select(self, *_: object) -> None:
        indexes = self.grid.selectionModel().selectedIndexes()
        current = self.grid.currentIndex()
        cursor = self.model.numbers[current.row()] if current.isValid() else None
        self.curator.select(self.model.numbers_at(indexes), cursor if indexes else None)

    def _show_menu(self, point: object) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.deeds.fill_menu(menu)
        if self.curator.gallery.selected:
            menu.popup(self.grid.viewport().mapToGlobal(point))  # pyright: ignore[reportCallIssue, reportArgumentType]

    def _fail(self, error: MezzotintError) -> None:
        self._workshop.make.studio.problem = Problem(error)

"""At the left: everything, the favourites, the collections and the tags."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QFrame, QLineEdit, QListWidget, QListWidgetItem, QMenu, QVBoxLayout

from desktop.library.marks import Kind, Label
from desktop.model.gallery import Curator, Overview, Place
from desktop.model.language import tr
from desktop.view import bind, theme
from desktop.view.dropped import CHOSEN
from desktop.view.icons import wear_item

WIDTH = 208
_PLACE = Qt.ItemDataRole.UserRole


class DropList(QListWidget):
    """Takes the gallery's pictures where they can be put; `dropped` says on which place."""

    dropped = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setAcceptDrops(True)
        self._over: QListWidgetItem | None = None

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        event.setAccepted(event.mimeData().hasFormat(CHOSEN))

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        item = self.itemAt(event.position().toPoint())
        self._mark(item if self._takes(item) else None)
        event.setAccepted(self._over is not None)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._mark(None)

    def dropEvent(self, event: QDropEvent) -> None:
        item = self.itemAt(event.position().toPoint())
        self._mark(None)
        event.setAccepted(self._takes(item) and event.mimeData().hasFormat(CHOSEN))
        if event.isAccepted() and item is not None:
            self.dropped.emit(item.data(_PLACE))

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._over is not None:
            painter = QPainter(self.viewport())
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(QColor(theme.current().accent), 2))
            painter.drawRoundedRect(self.visualItemRect(self._over).adjusted(1, 1, -1, -1), 6, 6)

    def forget(self) -> None:
        """The items go away."""
        self._over = None

    def _takes(self, item: QListWidgetItem | None) -> bool:
        place = item.data(_PLACE) if item else None
        return isinstance(place, Place) and place.kind != "all"

    def _mark(self, item: QListWidgetItem | None) -> None:
        self._over = item
        self.viewport().update()


class PlacesList(QFrame):
    """Each place with the number of its pictures. A collection's menu renames or removes it.

    Pictures dragged from the grid onto a collection, a tag or the favourites are put there.
    """

    def __init__(self, curator: Curator) -> None:
        super().__init__()
        self.setObjectName("left")
        self.setFixedWidth(WIDTH)
        self._curator = curator
        self.list = DropList()
        self.list.setObjectName("places")
        self.list.setAccessibleName(tr("Places"))
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.new = QLineEdit()
        self.new.setPlaceholderText(tr("New collection"))
        self.new.setAccessibleName(tr("New collection"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.GRID, theme.GRID, theme.GRID + 1, theme.GRID)
        layout.setSpacing(theme.GRID)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.new)
        self.list.currentItemChanged.connect(self._go)
        self.list.itemChanged.connect(self._renamed)
        self.list.customContextMenuRequested.connect(self._ask)
        self.list.dropped.connect(self._put)
        self.new.returnPressed.connect(self._add)
        bind.follow(curator.gallery, "overview", self._show)

    def places(self) -> list[Place]:
        """The places in the list, from top to bottom."""
        items = [self.list.item(row) for row in range(self.list.count())]
        return [place for item in items if isinstance(place := item.data(_PLACE), Place)]

    def menu_for(self, place: Place) -> QMenu | None:
        """What can be done with a collection or a tag."""
        if place.kind not in ("collection", "tag"):
            return None
        kind: Kind = place.kind
        menu = QMenu(self)
        menu.addAction(tr("Rename"), lambda: self._rename(place))
        words = tr("Remove this collection") if kind == "collection" else tr("Remove this tag")
        remove = menu.addAction(words, lambda: self._curator.delete_label(kind, place.name))
        remove.setToolTip(tr("The pictures stay"))
        return menu

    def _show(self, overview: Overview | None) -> None:
        overview = overview or Overview()
        self.list.blockSignals(True)
        self.list.forget()
        self.list.clear()
        self._add_place(Place(), tr("All pictures"), overview.pictures, "picture")
        self._add_place(Place("starred"), tr("Favourites"), overview.starred, "star")
        self._add_labels(tr("Collections"), "collection", overview.collections)
        self._add_labels(tr("Tags"), "tag", overview.tags)
        self.list.blockSignals(False)

    def _add_labels(self, heading: str, kind: Kind, labels: tuple[Label, ...]) -> None:
        if not labels:
            return
        item = QListWidgetItem(heading)
        item.setFlags(Qt.ItemFlag.NoItemFlags)
        item.setFont(theme.quiet_font())
        self.list.addItem(item)
        for each in labels:
            self._add_place(Place(kind, each.name), each.name, each.pictures, kind)

    def _add_place(self, place: Place, name: str, count: int, sign: str) -> None:
        item = QListWidgetItem(f"{name}  {count:,}")
        wear_item(item, sign, "quiet")
        item.setData(_PLACE, place)
        item.setData(
            Qt.ItemDataRole.AccessibleTextRole, tr("{name}, {count} pictures", name=name, count=count)
        )
        self.list.addItem(item)
        if place == self._curator.gallery.place:
            self.list.setCurrentItem(item)

    def _go(self, item: QListWidgetItem | None, _: QListWidgetItem | None) -> None:
        place = item.data(_PLACE) if item else None
        if isinstance(place, Place):
            self._curator.go(place)

    def _add(self) -> None:
        name, _ = self.new.text(), self.new.clear()
        self._curator.new_collection(name)

    def _put(self, place: Place) -> None:
        """The pictures that are chosen were dropped here."""
        if place.kind == "starred":
            self._curator.star_all()
        elif place.kind in ("collection", "tag"):
            self._curator.label(place.kind, place.name)

    def _ask(self, point: QPoint) -> None:
        item = self.list.itemAt(point)
        place = item.data(_PLACE) if item else None
        if isinstance(place, Place) and (menu := self.menu_for(place)):
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(self.list.viewport().mapToGlobal(point))

    def _rename(self, place: Place) -> None:
        items = (self.list.item(row) for row in range(self.list.count()))
        item = next(item for item in items if item.data(_PLACE) == place)
        self.list.blockSignals(True)
        item.setText(place.name)
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
        self.list.blockSignals(False)
        self.list.editItem(item)

    def _renamed(self, item: QListWidgetItem) -> None:
        place = item.data(_PLACE)
        if isinstance(place, Place) and place.kind in ("collection", "tag"):
            self._curator.rename_label(place.kind, place.name, item.text())

"""The found pictures as Qt's views want them: ids for all, and rows a page at a time."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QMimeData, QModelIndex, QPersistentModelIndex, Qt, QUrl

from desktop.library.index import LibraryPicture
from desktop.library.search import pictures_by_number
from desktop.model.gallery import Shelf
from desktop.model.language import tr

PICTURE = Qt.ItemDataRole.UserRole
_PAGE = 100
_KEPT = 6000
_TIP = 300

Index = QModelIndex | QPersistentModelIndex


class PicturesModel(QAbstractListModel):
    """`data(index, PICTURE)` is a LibraryPicture, or None while its page is read."""

    def __init__(self, shelf: Shelf) -> None:
        super().__init__()
        self._shelf = shelf
        self.numbers: array[int] = array("q")
        self._known: OrderedDict[int, LibraryPicture] = OrderedDict()
        self._asked: set[int] = set()

    def show(self, numbers: array[int]) -> None:
        """Shows these pictures. Where they are the same ones, only their contents are read again."""
        self._asked.clear()
        if numbers == self.numbers:
            if numbers:
                self.dataChanged.emit(self.index(0), self.index(len(numbers) - 1))
            return
        self.beginResetModel()
        self.numbers = numbers
        self.endResetModel()

    def picture(self, row: int) -> LibraryPicture | None:
        """The picture in this row, as far as it is known; its page is asked for."""
        if row // _PAGE not in self._asked:
            self._ask(row // _PAGE)
        return self._known.get(self.numbers[row])

    def numbers_at(self, indexes: Sequence[Index]) -> list[int]:
        """The ids of the pictures in these rows, in order."""
        return [self.numbers[row] for row in sorted(index.row() for index in indexes)]

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.numbers)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        roles = Qt.ItemDataRole
        if role not in (PICTURE, roles.ToolTipRole, roles.AccessibleTextRole) or not index.isValid():
            return None
        picture = self.picture(index.row())
        if picture is None or role == PICTURE:
            return picture
        return describe(picture)

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = Qt.ItemFlag
        return (
            flags.ItemIsEnabled
            | flags.ItemIsSelectable
            | flags.ItemIsDragEnabled
            | flags.ItemNeverHasChildren
        )

    def mimeTypes(self) -> list[str]:
        return ["text/uri-list"]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        """The files, for other programs; pictures that were never looked at are left out."""
        pictures = [self._known.get(number) for number in self.numbers_at(indexes)]
        return to_files([picture for picture in pictures if picture is not None])

    def _ask(self, page: int) -> None:
        self._asked.add(page)
        numbers = self.numbers
        wanted = numbers[page * _PAGE : (page + 1) * _PAGE]
        self._shelf.ask(lambda library: pictures_by_number(library, wanted), self._keep_for(numbers, page))

    def _keep_for(self, numbers: array[int], page: int) -> Callable[[list[LibraryPicture]], None]:
        def keep(pictures: list[LibraryPicture]) -> None:
            for picture in pictures:
                self._known[picture.id] = picture
                self._known.move_to_end(picture.id)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
            self._forget_pages()
            if self.numbers is numbers:
                last = min((page + 1) * _PAGE, len(numbers)) - 1
                self.dataChanged.emit(self.index(page * _PAGE), self.index(last))

        return keep

    def _forget_pages(self) -> None:
        """Pages whose pictures were let go can be asked for again."""
        if len(self._asked) * _PAGE > _KEPT:
            self._asked.clear()


def describe(picture: LibraryPicture) -> str:
    """A picture in a few words: its prompt, and its seed."""
    words = picture.prompt.strip()[:_TIP] or tr("(no prompt)")
    return words if picture.seed is None else f"{words}\n{tr('seed {seed}', seed=picture.seed)}"


def to_files(pictures: Sequence[LibraryPicture]) -> QMimeData:
    """Pictures as files, for other programs."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(picture.path)) for picture in pictures])
    return data

"""What each model made: a favourite of the library's, else the newest."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice

from PySide6.QtGui import QPixmap

from desktop.darkroom import Darkroom
from desktop.library.database import Library
from desktop.library.index import LibraryPicture
from desktop.library.search import Query, find_pictures
from desktop.shelf import Shelf

_LOOKED_AT = 200


class ModelPictures:
    """`changed` is called when there is more to see."""

    def __init__(self, shelf: Shelf, darkroom: Darkroom, changed: Callable[[], object]) -> None:
        self._shelf, self._darkroom, self._changed = shelf, darkroom, changed
        self._found: dict[str, LibraryPicture | None] = {}
        darkroom.developed.connect(lambda: changed())

    def forget(self) -> None:
        """Looks anew, as pictures may have been made."""
        self._found.clear()

    def picture(self, model: str, side: int) -> QPixmap | None:
        """Small; None while it is not there."""
        if model not in self._found:
            self._found[model] = None
            self._shelf.ask(partial(picture_of, model=model), partial(self._keep, model))
        row = self._found[model]
        thumbnail = self._darkroom.thumbnail(row, side) if row is not None else None
        return thumbnail.pixmap if thumbnail is not None else None

    def _keep(self, model: str, row: LibraryPicture | None) -> None:
        self._found[model] = row
        if row is not None:
            self._changed()


def picture_of(library: Library, model: str) -> LibraryPicture | None:
    """The picture to stand for a model."""
    for starred in (True, None):
        found = islice(find_pictures(library, Query(models=(model,), starred=starred)), _LOOKED_AT)
        for picture in found:
            if picture.model == model:
                return picture
    return None

"""Where pictures are developed for the window: small and large, out of its process.

A file's pixels are decoded in a child process, so that a broken file can't take the window along. The window
itself reads only the small JPEGs that the child wrote into our cache.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QImage, QPixmap

from backends.core.contract import MezzotintError
from desktop.last_first import LastFirst
from desktop.library.index import LibraryPicture
from desktop.library.thumbnails import Pixels, develop, make_thumbnail, thumbnail_path
from desktop.press import Press

Whereabouts = Literal["here", "away", "missing", "damaged"]
"""A file is away when its folder is: its drive is not connected."""

_MOST_BYTES = 96 * 2**20
_LOOK_MS = 5000

Wanted = tuple[LibraryPicture, int]
"""A picture, and how many pixels its longer side is to have."""


@dataclass(frozen=True)
class Thumbnail:
    """A small picture, or None where there is none, and where its file is."""

    pixmap: QPixmap | None
    whereabouts: Whereabouts


class Darkroom(QObject):
    """Thumbnails on demand. `developed` says that some came; `thumbnail` gives them."""

    developed = Signal()

    _came = Signal(object, object, str)
    _answered = Signal(object, object, object)

    def __init__(self) -> None:
        super().__init__()
        self._kept: OrderedDict[tuple[str, int], Thumbnail] = OrderedDict()
        self._bytes = 0
        self._folders: dict[Path, bool] = {}
        self._press, self._is_closed = Press(), False
        self._readers = LastFirst[Wanted](self._read, "thumbnails")
        self._makers = LastFirst[Wanted](self._make, "making thumbnails")
        self._came.connect(self._keep, Qt.ConnectionType.QueuedConnection)
        self._answered.connect(self._answer, Qt.ConnectionType.QueuedConnection)
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self.look_for_folders)

    def thumbnail(self, picture: LibraryPicture, side: int) -> Thumbnail | None:
        """The picture at most `side` pixels high and wide; None while it is being made."""
        key = (picture.sha256, side)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        self._readers.put((picture, side))
        return None

    def develop(
        self, path: Path, side: int, then: Callable[[QImage], None], failed: Callable[[MezzotintError], None]
    ) -> None:
        """Reads a whole picture, at most `side` high and wide."""
        future = self._press.submit(develop, path, side)
        future.add_done_callback(lambda done: self._answered.emit(done, then, failed))

    def is_idle(self) -> bool:
        """Whether everything that was asked for has come."""
        return self._readers.is_idle() and self._makers.is_idle()

    def watch(self, on: bool) -> None:
        """Notices, while on, that a drive comes or goes."""
        self._timer.start() if on else self._timer.stop()

    def look_for_folders(self) -> None:
        """Looks once whether a folder came or went; then what was known of its pictures is forgotten."""
        self._readers.do(self._look_for_folders)

    def close(self) -> None:
        """Ends the threads and the child process; what still comes of them reaches nobody."""
        self._is_closed = True
        self._timer.stop()
        self._press.close()
        self._readers.close()
        self._makers.close()

    # --- in threads ---

    def _read(self, wanted: Wanted) -> None:
        picture, side = wanted
        folder = picture.path.parent
        here = self._folders.setdefault(folder, os.path.isdir(folder))
        image = _read_cached(thumbnail_path(picture.sha256), side)
        if image is not None:
            there = "here" if here and os.path.exists(picture.path) else ("missing" if here else "away")
            self._came.emit(wanted, image, there)
        elif not here:
            self._came.emit(wanted, None, "away")
        else:
            self._makers.put(wanted)

    def _make(self, wanted: Wanted) -> None:
        picture, side = wanted
        target = thumbnail_path(picture.sha256)
        if not os.path.exists(picture.path):
            self._came.emit(wanted, None, "missing")
            return
        try:
            self._press.submit(make_thumbnail, picture.path, target).result()
            self._came.emit(wanted, _read_cached(target, side), "here")
        except (MezzotintError, OSError):
            self._came.emit(wanted, None, "damaged")
        except CancelledError:
            return

    def _look_for_folders(self) -> None:
        for folder, was_here in list(self._folders.items()):
            if os.path.isdir(folder) != was_here:
                self._came.emit(None, folder, "")

    # --- in the window's thread ---

    @Slot(object, object, str)
    def _keep(self, wanted: Wanted | None, came: Any, whereabouts: Whereabouts) -> None:
        if wanted is None:
            self._forget(came)
        else:
            pixmap = None if came is None else QPixmap.fromImage(came)
            self._put((wanted[0].sha256, wanted[1]), Thumbnail(pixmap, whereabouts))
        self.developed.emit()

    def _put(self, key: tuple[str, int], thumbnail: Thumbnail) -> None:
        self._kept[key] = thumbnail
        self._bytes += _bytes_of(thumbnail)
        while self._bytes > _MOST_BYTES:
            self._bytes -= _bytes_of(self._kept.popitem(last=False)[1])

    def _forget(self, folder: Path) -> None:
        """A drive came or went: whatever was known is looked for again."""
        self._folders.pop(folder, None)
        self._kept.clear()
        self._bytes = 0

    @Slot(object, object, object)
    def _answer(
        self, done: Future[Pixels], then: Callable[[QImage], None], failed: Callable[[MezzotintError], None]
    ) -> None:
        if done.cancelled() or self._is_closed:
            return
        try:
            then(_to_image(done.result()))
        except MezzotintError as error:
            failed(error)


def _read_cached(path: Path, side: int) -> QImage | None:
    """A JPEG that we made ourselves, no larger than `side`."""
    image = QImage(str(path))
    if image.isNull():
        return None
    if max(image.width(), image.height()) <= side:
        return image
    ways = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    return image.scaled(side, side, *ways)


def _bytes_of(thumbnail: Thumbnail) -> int:
    pixmap = thumbnail.pixmap
    return 0 if pixmap is None else pixmap.width() * pixmap.height() * 4


def _to_image(pixels: Pixels) -> QImage:
    stride = pixels.width * 3
    return QImage(pixels.rgb, pixels.width, pixels.height, stride, QImage.Format.Format_RGB888).copy()

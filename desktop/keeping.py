"""Keeping a finished picture: the file first, durable, then its row in the library."""

from __future__ import annotations

import contextlib
import hashlib
from concurrent.futures import CancelledError
from datetime import UTC, datetime
from pathlib import Path

from desktop.errands import to_brought
from desktop.library import paths
from desktop.library.database import Library
from desktop.library.destination import Destination
from desktop.library.index import PictureFile, add_pictures
from desktop.library.pictures import encode_picture
from desktop.library.png import encode_png
from desktop.library.problems import LibraryProblem
from desktop.library.prompts import remember_prompt
from desktop.library.record import Record, describe, describe_control
from desktop.library.saving import make_folder
from desktop.model.settings import Settings
from desktop.model.studio import Made
from desktop.shelf import Shelf


class Keeping:
    """Saves pictures with their recipes inside; called in the session's saving thread."""

    def __init__(self, shelf: Shelf, settings: Settings | None = None) -> None:
        self._shelf, self._settings = shelf, settings or Settings()

    def __call__(self, made: Made) -> Path:
        """Writes the file and waits for its row. Raises SaveFailed when there is no file.

        A library that can't be used says so by itself and finds the file later; the picture is kept.
        """
        created = datetime.now(UTC).isoformat(timespec="seconds")
        record = record_of(made, created)
        picture, wanted = made.event.picture, self._settings.write_metadata
        data = encode_picture(picture, record) if wanted else encode_png(picture, {})
        destination = picture_destination(self._settings)
        make_folder(destination.folder)
        path = destination.save(data, made.request, made.event.picture_index)
        self._list(made, _file(path, data, record))
        return path

    def _list(self, made: Made, file: PictureFile) -> None:
        first = made.event.picture_index == 0

        def add(library: Library) -> None:
            add_pictures(library, [file])
            if first:
                remember_prompt(library, made.request)

        changed = self._shelf.change(add, what="pictures")
        with contextlib.suppress(LibraryProblem, CancelledError):
            changed.result()


def record_of(made: Made, created: str) -> Record:
    """How a picture of this session was made."""
    brought = to_brought(made.start, made.beside)
    controls = tuple(map(describe_control, made.request.controls, brought.controls))
    told = brought.references, controls, brought.depth_map
    return describe(made.request, made.event, brought.start, created, *told)


def picture_destination(settings: Settings) -> Destination:
    """Where the settings want pictures, and what they are to be called."""
    folder = paths.expand(settings.picture_folder) if settings.picture_folder else paths.pictures_folder()
    return Destination(folder, template=settings.name_template)


def _file(path: Path, data: bytes, record: Record) -> PictureFile:
    digest = hashlib.sha256(data).hexdigest()
    return PictureFile(path=path, sha256=digest, bytes=len(data), record=record)

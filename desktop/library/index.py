"""The rows that say which pictures there are. A row follows its file: a picture is durable before it."""

from __future__ import annotations

import datetime
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import apsw

from backends.core.contract import UnreadablePicture
from desktop.library import saving
from desktop.library.database import Library
from desktop.library.pictures import read_record
from desktop.library.places import folder_to_text, name_to_text, storable, text_to_folder, text_to_name
from desktop.library.problems import explained
from desktop.library.reading import open_picture_file
from desktop.library.record import Record, from_json, to_json
from desktop.library.sqlite import Connection

_BIGGEST_INTEGER = 2**63 - 1
_PIECE = 2**20


@dataclass(frozen=True, kw_only=True)
class PictureFile:
    """A picture on disk: what a row is made of. `sha256` is of the whole file, as hex digits."""

    path: Path
    sha256: str
    bytes: int
    record: Record


@dataclass(frozen=True, kw_only=True)
class LibraryPicture:
    """A row of the library. `created` is UTC in ISO 8601; None is for what the picture doesn't say.

    `rating` is 1 to 5, or 0 for none.
    """

    id: int
    path: Path
    sha256: str
    bytes: int
    created: str
    prompt: str
    negative_prompt: str
    seed: int | None
    model: str | None
    width: int | None
    height: int | None
    starred: bool
    rating: int = 0


COLUMNS = (
    "p.id, f.path, p.name, p.sha256, p.bytes, p.created, p.prompt, p.negative_prompt,"
    " p.seed, p.model, p.width, p.height, p.starred, p.rating"
)
"""What `to_picture` reads, of pictures p JOIN folders f."""


def to_picture(row: tuple[Any, ...]) -> LibraryPicture:
    """The picture that a row of COLUMNS stands for."""
    (
        number, folder, name, sha256, size, created, prompt, negative, seed, model, width, height,
        star, rating,
    ) = row  # fmt: skip
    _check_texts(folder, name, sha256, created)
    if not isinstance(prompt, str) or not isinstance(negative, str):
        raise apsw.CorruptError("a prompt is no text")
    path = text_to_folder(folder) / text_to_name(name)
    return LibraryPicture(
        id=number, path=path, sha256=sha256, bytes=size, created=created, prompt=prompt,
        negative_prompt=negative, seed=seed, model=model, width=width, height=height, starred=bool(star),
        rating=rating if rating in range(6) else 0,
    )  # fmt: skip


def _check_texts(*texts: object) -> None:
    """Damage that SQLite doesn't notice: what we always write as text is something else."""
    if not all(isinstance(text, str) and text and "\0" not in text for text in texts):
        raise apsw.CorruptError("a name is no text")


def read_picture_file(path: Path) -> PictureFile:
    """Reads a picture's record and hash. Raises UnreadablePicture."""
    record = read_record(path)
    with open_picture_file(path) as file:
        try:
            digest, size = hash_file(file)
        except OSError as error:
            raise UnreadablePicture(f"{path} can't be read: {error}.", "Check the disk.") from error
    return PictureFile(path=path.absolute(), sha256=digest, bytes=size, record=record)


def hash_file(file: BinaryIO) -> tuple[str, int]:
    """The SHA-256 of a file's bytes as hex digits, and how many they are. Raises OSError."""
    digest, size = hashlib.sha256(), 0
    while piece := file.read(_PIECE):
        digest.update(piece)
        size += len(piece)
    return digest.hexdigest(), size


def add_pictures(library: Library, files: Iterable[PictureFile]) -> None:
    """Adds rows for files that are durable, in one transaction; a file that has a row gets a true one."""
    with library.write() as connection:
        for file in files:
            put_picture(connection, file)


def put_picture(connection: Connection, file: PictureFile) -> None:
    """Adds or corrects one row, within somebody's transaction."""
    folder_id = folder_number(connection, file.path.parent)
    name, record = name_to_text(file.path.name), file.record
    values = (
        folder_id, name, file.sha256, file.bytes, _created(file), storable(record.prompt),
        storable(record.negative_prompt), _whole(record.seed), storable(_model(record)) or None,
        *map(_whole, record.picture_size),
    )  # fmt: skip
    connection.execute(_FORGET_DELETED, values[:3])
    ((number,),) = connection.execute(_PUT_PICTURE, values)
    connection.execute("INSERT OR REPLACE INTO recipes VALUES (?, ?)", (number, to_json(record)))


_FORGET_DELETED = """
DELETE FROM pictures WHERE folder_id = ? AND name = ? AND deleted IS NOT NULL AND sha256 != ?
"""
"""A new picture under a deleted one's name must not get its stars."""

_PUT_PICTURE = """
INSERT INTO pictures
    (folder_id, name, sha256, bytes, created, prompt, negative_prompt, seed, model, width, height)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (folder_id, name) DO UPDATE SET
    sha256 = excluded.sha256, bytes = excluded.bytes, created = excluded.created,
    prompt = excluded.prompt, negative_prompt = excluded.negative_prompt, seed = excluded.seed,
    model = excluded.model, width = excluded.width, height = excluded.height, deleted = NULL
RETURNING id
"""


def folder_number(connection: Connection, folder: Path) -> int:
    """The id of a folder's row, which is made where missing."""
    text = folder_to_text(folder)
    connection.execute("INSERT INTO folders (path) VALUES (?) ON CONFLICT DO NOTHING", (text,))
    ((number,),) = connection.execute("SELECT id FROM folders WHERE path = ?", (text,))
    return int(number)


def _model(record: Record) -> str:
    return record.model or record.provenance.get("model", "")


def _whole(value: int | None) -> int | None:
    return value if value is None or abs(value) <= _BIGGEST_INTEGER else None


def _created(file: PictureFile) -> str:
    """When the picture was made, in UTC; the file's own time when the record doesn't say it rightly."""
    try:
        moment = datetime.datetime.fromisoformat(file.record.created)
        return moment.astimezone(datetime.UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError):
        return _file_time(file.path)


def _file_time(path: Path) -> str:
    try:
        moment = datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.UTC)
    except (OSError, ValueError, OverflowError):
        moment = datetime.datetime.fromtimestamp(0, datetime.UTC)
    return moment.isoformat(timespec="seconds")


def star_picture(library: Library, number: int, starred: bool) -> None:
    """Marks a picture as a favourite, or no longer."""
    with library.write() as connection:
        connection.execute("UPDATE pictures SET starred = ? WHERE id = ?", (starred, number))


def picture_record(library: Library, number: int) -> Record | None:
    """How a picture of the library was made, also while its drive is away."""
    rows = library.read("SELECT record FROM recipes WHERE picture_id = ?", number)
    try:
        return from_json(rows[0][0]) if rows else None
    except (ValueError, TypeError):
        return None


def forget_picture(library: Library, number: int) -> None:
    """Removes a row, after its file went to the trash."""
    with library.write() as connection:
        connection.execute("DELETE FROM pictures WHERE id = ?", (number,))


def known_folders(library: Library) -> list[Path]:
    """The folders that pictures of the library are in."""
    texts = [text for (text,) in library.read("SELECT path FROM folders ORDER BY path")]
    with explained(library.path):
        _check_texts(*texts)
    return [text_to_folder(text) for text in texts]


def picture_names(folder: Path) -> Iterator[str]:
    """The names of the PNG files in a folder, temporary ones apart; no file is opened. Raises OSError."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.lower().endswith(".png") and not saving.is_temporary(entry.name):
                yield entry.name

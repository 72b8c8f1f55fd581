"""Folders that are no longer where they were: looked for nearby, and told apart by what is in them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from backends.core.contract import MezzotintError, UnreadablePicture
from desktop.library.database import Library
from desktop.library.index import hash_file, known_folders
from desktop.library.places import folder_to_text, text_to_name
from desktop.library.problems import explained
from desktop.library.reading import open_picture_file

_SAMPLES = 3
_DEPTH = 2
_MOST_FOLDERS = 2000


class NotThere(MezzotintError):
    """A folder does not hold the pictures it was said to."""


def find_moved(library: Library, go_on: Callable[[], bool] = lambda: True) -> int:
    """Finds folders that were renamed or moved nearby, and returns how many pictures were in them.

    Nothing is looked for on a drive that is away: where not even the folder's parent is there.
    """
    found = 0
    for folder in known_folders(library):
        gone = not os.path.isdir(folder) and os.path.isdir(folder.parent)
        if gone and go_on() and (place := _find(library, folder)):
            found += _move(library, folder, place)
    return found


def move_folder(library: Library, old: Path, new: Path) -> int:
    """The person says where a folder's pictures are now. Returns how many there are. Raises NotThere."""
    if not _holds(new, _samples(library, old)):
        raise NotThere(f"The pictures of {old} are not in {new}.", "Choose the folder they are in.")
    return _move(library, old, new)


def _find(library: Library, folder: Path) -> Path | None:
    samples = _samples(library, folder)
    known = set(known_folders(library))
    for number, place in enumerate(_nearby(folder.parent, _DEPTH)):
        if number == _MOST_FOLDERS:
            return None
        if place not in known and _holds(place, samples):
            return place
    return None


def _nearby(folder: Path, depth: int) -> Iterator[Path]:
    """Folders in this one, those that lie less deep first."""
    try:
        with os.scandir(folder) as entries:
            inside = sorted(Path(entry) for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return
    yield from inside
    if depth > 1:
        for each in inside:
            yield from _nearby(each, depth - 1)


def _samples(library: Library, folder: Path) -> list[tuple[str, int, str]]:
    """Names, sizes and hashes of some pictures that were in the folder."""
    rows = library.read(
        "SELECT name, bytes, sha256 FROM pictures WHERE deleted IS NULL"
        " AND folder_id = (SELECT id FROM folders WHERE path = ?) ORDER BY id DESC LIMIT ?",
        folder_to_text(folder),
        _SAMPLES,
    )
    with explained(library.path):
        return [(text_to_name(name), size, sha256) for name, size, sha256 in rows]


def _holds(folder: Path, samples: list[tuple[str, int, str]]) -> bool:
    """Whether at least one of the pictures is in the folder, byte for byte."""
    return any(_is_same(folder / name, size, sha256) for name, size, sha256 in samples)


def _is_same(path: Path, size: int, sha256: str) -> bool:
    try:
        if os.stat(path).st_size != size:
            return False
        with open_picture_file(path) as file:
            return hash_file(file)[0] == sha256
    except (OSError, UnreadablePicture):
        return False


def _move(library: Library, old: Path, new: Path) -> int:
    """The pictures are in another folder now; those that it knew already stay as they are there."""
    texts = folder_to_text(new), folder_to_text(old)
    with library.write() as connection:
        connection.execute("INSERT INTO folders (path) VALUES (?) ON CONFLICT DO NOTHING", texts[:1])
        ((count,),) = connection.execute(
            "SELECT count(*) FROM pictures JOIN folders f ON f.id = folder_id WHERE f.path = ?", texts[1:]
        )
        connection.execute(
            "UPDATE OR IGNORE pictures SET folder_id = (SELECT id FROM folders WHERE path = ?)"
            " WHERE folder_id = (SELECT id FROM folders WHERE path = ?)",
            texts,
        )
        connection.execute("UPDATE folders SET listed_ns = NULL WHERE path IN (?, ?)", texts)
    return int(count)

"""At start-up: pictures that are in our folders without a row, because a crash came between, get one.

A folder whose own time has not changed since all its pictures were known is not even listed; in one
that has, names are compared with rows, and only unknown files are opened.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from backends.core.contract import UnreadablePicture
from desktop.library import paths
from desktop.library.database import Library
from desktop.library.index import (
    PictureFile,
    folder_number,
    known_folders,
    picture_names,
    put_picture,
    read_picture_file,
)
from desktop.library.places import folder_to_text, name_to_text, text_to_name
from desktop.library.problems import explained

_AT_ONCE = 50
_SETTLED_NS = 2 * 10**9  # a folder's clock may tick that slowly (FAT)


def adopt_orphans(library: Library, go_on: Callable[[], bool] = lambda: True, since: str = "") -> int:
    """Adds the pictures that have no row and returns how many; missing folders are passed over.

    A deleted picture whose file is there is added again, unless it was deleted `since` this moment (UTC in
    ISO 8601): then its file is about to go.

    It may be broken off between two transactions, when `go_on` says no; the next time it goes on.
    """
    waiting, seen, adopted = [paths.pictures_folder(), *known_folders(library)], set[Path](), 0
    while waiting and go_on():
        if (folder := waiting.pop()) not in seen:
            seen.add(folder)
            more, inside = _adopt_in(library, folder, go_on, since)
            adopted += more
            waiting += inside
    return adopted


def library_folders(library: Library) -> set[Path]:
    """The folders that pictures are known to be in, and the pictures folder with those inside it."""
    inside = (Path(at) for at, _, _ in os.walk(paths.pictures_folder()))
    return {*known_folders(library), *inside}


def _adopt_in(
    library: Library, folder: Path, go_on: Callable[[], bool], since: str
) -> tuple[int, list[Path]]:
    """How many were adopted, and the folders in this one; none of an unchanged one, which are known."""
    try:
        changed_ns = os.stat(folder).st_mtime_ns
        if changed_ns == _listed_ns(library, folder):
            return 0, []
        names = sorted({*picture_names(folder)} - _known_names(library, folder, since))
        inside = _folders_in(folder)
    except OSError:
        return 0, []  # not connected, or not allowed: nothing is known, and nothing is changed
    adopted = 0
    for start in range(0, len(names), _AT_ONCE):
        if not go_on():
            return adopted, []
        adopted += _adopt(library, folder, names[start : start + _AT_ONCE])
    if time.time_ns() - changed_ns > _SETTLED_NS:
        _remember_listing(library, folder, changed_ns)
    return adopted, inside


def _folders_in(folder: Path) -> list[Path]:
    """The folders in one of the pictures folder's; those elsewhere are not ours to look through."""
    if not folder.is_relative_to(paths.pictures_folder()):
        return []
    with os.scandir(folder) as entries:
        return [Path(entry) for entry in entries if entry.is_dir(follow_symlinks=False)]


def _listed_ns(library: Library, folder: Path) -> int | None:
    rows = library.read("SELECT listed_ns FROM folders WHERE path = ?", folder_to_text(folder))
    return rows[0][0] if rows else None


def _known_names(library: Library, folder: Path, since: str) -> set[str]:
    rows = library.read(
        "SELECT name FROM pictures WHERE (deleted IS NULL OR (?2 <> '' AND deleted >= ?2))"
        " AND folder_id = (SELECT id FROM folders WHERE path = ?1)"
        " UNION ALL SELECT name FROM strangers WHERE folder_id = (SELECT id FROM folders WHERE path = ?1)",
        folder_to_text(folder),
        since,
    )
    with explained(library.path):
        return {text_to_name(name) for (name,) in rows}


def _adopt(library: Library, folder: Path, names: list[str]) -> int:
    """Reads the files, and then adds them in one short transaction."""
    files, strangers = read_files(folder, names)
    with library.write() as connection:
        for file in files:
            put_picture(connection, file)
        for name in strangers:
            values = (folder_number(connection, folder), name_to_text(name))
            connection.execute("INSERT OR IGNORE INTO strangers VALUES (?, ?)", values)
    return len(files)


def read_files(folder: Path, names: list[str]) -> tuple[list[PictureFile], list[str]]:
    """The pictures of these names, and the names of the other files.

    In the pictures folder, pictures that other programs made are pictures too; elsewhere only ours are.
    """
    anybodys = folder.is_relative_to(paths.pictures_folder())
    files: list[PictureFile] = []
    strangers: list[str] = []
    for name in names:
        file = _read(folder / name)
        if file and (anybodys or file.record.created):  # only our own recipes say when
            files.append(file)
        else:
            strangers.append(name)
    return files, strangers


def _read(path: Path) -> PictureFile | None:
    try:
        return read_picture_file(path)
    except UnreadablePicture:
        return None


def _remember_listing(library: Library, folder: Path, changed_ns: int) -> None:
    with library.write() as connection:
        number = folder_number(connection, folder)
        connection.execute("UPDATE folders SET listed_ns = ? WHERE id = ?", (changed_ns, number))

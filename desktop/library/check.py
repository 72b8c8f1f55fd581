"""Compares the library with what is on disk, and changes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from backends.core.contract import UnreadablePicture
from desktop.library.adopting import library_folders, read_files
from desktop.library.database import Library
from desktop.library.index import LibraryPicture, hash_file, picture_names
from desktop.library.reading import open_picture_file
from desktop.library.search import find_pictures

AWAY = "not connected"
"""The kind of finding that is no fault: a folder of a drive that isn't there now."""


@dataclass(frozen=True)
class Finding:
    """Something that isn't as the library has it.

    `kind` is "database", "missing" (a row without its file), "changed" (other bytes than recorded),
    "unreadable", "unlisted" (a picture without a row) or AWAY.
    """

    kind: str
    path: Path
    sentence: str


def check_library(library: Library) -> Iterator[Finding]:
    """Everything that is wrong. Reads the whole database and every picture. Raises LibraryProblem."""
    for fault in library.faults():
        yield Finding("database", library.path, f"The database is damaged: {fault}.")
    known: set[Path] = set()
    away: set[Path] = set()
    for picture in find_pictures(library):
        known.add(picture.path)
        yield from _check_picture(picture, away)
    for folder in sorted(library_folders(library)):
        yield from _unlisted(folder, known)


def _check_picture(picture: LibraryPicture, away: set[Path]) -> Iterator[Finding]:
    folder = picture.path.parent
    if folder in away:
        return
    if not os.path.isdir(folder):
        away.add(folder)
        yield Finding(AWAY, folder, "The folder is not connected; its pictures stay in the library.")
    elif not os.path.isfile(picture.path):
        yield Finding("missing", picture.path, "The picture is no longer there.")
    else:
        yield from _compare(picture)


def _compare(picture: LibraryPicture) -> Iterator[Finding]:
    try:
        with open_picture_file(picture.path) as file:
            digest, _ = hash_file(file)
    except (UnreadablePicture, OSError) as error:
        yield Finding("unreadable", picture.path, str(error))
        return
    if digest != picture.sha256:
        yield Finding("changed", picture.path, "The picture's file has changed since it was saved.")


def _unlisted(folder: Path, known: set[Path]) -> Iterator[Finding]:
    try:
        names = sorted(name for name in picture_names(folder) if folder / name not in known)
    except OSError:
        return
    for file in read_files(folder, names)[0]:
        yield Finding("unlisted", file.path, "The picture is not in the library.")

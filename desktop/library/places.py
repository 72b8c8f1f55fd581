"""Folders and file names as the database holds them.

A folder inside the pictures folder is kept relative to it, so that moving MEZZOTINT_HOME or the
pictures folder moves the library too.
"""

from __future__ import annotations

from pathlib import Path

import apsw

from desktop.library import paths

_PICTURES = "{pictures}"
_UNDECODED = range(0xDC80, 0xDD00)  # how Python holds a name's bytes that are no UTF-8; SQLite can't
_PRIVATE = 0xF780
_TO_TEXT = {code: _PRIVATE + code - _UNDECODED.start for code in _UNDECODED}
_FROM_TEXT = {private: code for code, private in _TO_TEXT.items()}


def folder_to_text(folder: Path) -> str:
    """What `text_to_folder` turns into this folder again."""
    absolute, pictures = folder.absolute(), paths.pictures_folder()
    if not absolute.is_relative_to(pictures):
        return name_to_text(str(absolute))
    inside = absolute.relative_to(pictures).as_posix()
    return _PICTURES if inside == "." else name_to_text(f"{_PICTURES}/{inside}")


def text_to_folder(text: str) -> Path:
    """The folder, wherever the pictures folder is now."""
    first, _, inside = text.partition("/")
    if first == _PICTURES:
        return paths.pictures_folder() / text_to_name(inside)
    return Path(text_to_name(text))


def name_to_text(name: str) -> str:
    """A file's name as text that SQLite can hold."""
    return name.translate(_TO_TEXT)


def text_to_name(text: object) -> str:
    """The name that `name_to_text` was given. Raises apsw.CorruptError when damage made it something else."""
    if not isinstance(text, str):
        raise apsw.CorruptError("a name is no text")
    return text.translate(_FROM_TEXT)


def storable(text: str) -> str:
    """Text from anywhere without the halves of surrogate pairs that SQLite can't hold."""
    return text.encode("utf-8", "replace").decode()

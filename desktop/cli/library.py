"""`mezzotint library`: what is in the library, and keeping it sound."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from backends.core.contract import MezzotintError
from desktop.cli.library_options import LibraryOptions
from desktop.cli.show import printable, say
from desktop.library.check import AWAY, check_library
from desktop.library.database import open_library
from desktop.library.index import LibraryPicture
from desktop.library.rebuild import rebuild_library
from desktop.library.restore import restore_library
from desktop.library.search import find_pictures, parse_query
from desktop.library.startup import open_at_start


def run(options: LibraryOptions) -> int:
    """Does what the options ask for. Returns the exit code; raises a MezzotintError."""
    return _ACTIONS[options.action](options)


def _list(options: LibraryOptions) -> int:
    with open_at_start(tell=_note) as library:
        found = False
        for picture in find_pictures(library, parse_query(options.query or "")):
            found = True
            print(json.dumps(_as_plain(picture)) if options.json else _as_words(picture))
    if not found and not options.json:
        say("No picture matches." if options.query else "The library is empty. Make a picture first.")
    return 0


def _note(reason: MezzotintError) -> None:
    say(f"Note: There is no backup of today: {printable(str(reason))}")


def _as_plain(picture: LibraryPicture) -> dict[str, Any]:
    return {**vars(picture), "path": str(picture.path)}


def _as_words(picture: LibraryPicture) -> str:
    return f"{picture.path}\n  seed {picture.seed}, {picture.model}: {printable(picture.prompt)}"


def _check(options: LibraryOptions) -> int:
    faults = 0
    with open_library() as library:
        for finding in check_library(library):
            faults += finding.kind != AWAY
            plain = {**vars(finding), "path": str(finding.path)}
            words = f"{printable(str(finding.path))}: {printable(finding.sentence)}"
            print(json.dumps(plain) if options.json else words)
    if faults:
        say(f"Found wrong: {faults}. `mezzotint library rebuild` makes the library anew from the pictures.")
    elif not options.json:
        print("The library is sound, and every picture is as it was saved.")
    return 1 if faults else 0


def _rebuild(options: LibraryOptions) -> int:
    rebuilt = rebuild_library()
    words = f"The library is made anew; pictures in it: {rebuilt.pictures}."
    return _tell_of_change(options, {"pictures": rebuilt.pictures}, words, rebuilt.kept)


def _restore(options: LibraryOptions) -> int:
    restored = restore_library()
    words = f"The library is as it was on {restored.day}; pictures made since are listed, too."
    return _tell_of_change(options, {"day": restored.day}, words, restored.kept)


def _tell_of_change(options: LibraryOptions, facts: dict[str, object], words: str, kept: Path | None) -> int:
    """`kept` is where the database is that was there before."""
    if options.json:
        print(json.dumps({**facts, "kept": str(kept) if kept else None}))
        return 0
    print(words)
    if kept:
        print(f"The database as it was is kept as {printable(str(kept))}")
    return 0


def _back_up(options: LibraryOptions) -> int:
    with open_library() as library:
        path = str(library.back_up())
    print(json.dumps({"path": path}) if options.json else path)
    return 0


_ACTIONS: Mapping[str, Callable[[LibraryOptions], int]] = {
    "list": _list,
    "check": _check,
    "rebuild": _rebuild,
    "backup": _back_up,
    "restore": _restore,
}

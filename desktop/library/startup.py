"""Opening the library for somebody who wants to see it: what a crash left behind is put right first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from desktop.library.adopting import adopt_orphans
from desktop.library.database import Library, open_library
from desktop.library.moved import find_moved
from desktop.library.trash import forget_deleted


def open_at_start(path: Path | None = None) -> Library:
    """Opens the library, makes the day's backup and adopts orphans. Raises LibraryProblem."""
    library = open_library(path)
    try:
        library.back_up_daily()
        adopt_orphans(library)
    except BaseException:
        library.close()
        raise
    return library


def put_right(path: Path | None = None, go_on: Callable[[], bool] = lambda: True) -> int:
    """As `open_at_start`, beside somebody who has the library open already.

    Looks for folders that moved, too. Returns how many pictures were found. Raises LibraryProblem.
    """
    with open_library(path) as library:
        library.back_up_daily()
        forget_deleted(library)
        return find_moved(library, go_on) + adopt_orphans(library, go_on)

"""Opening the library for somebody who wants to see it: what a crash left behind is put right first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from backends.core.contract import MezzotintError
from desktop.library.adopting import adopt_orphans
from desktop.library.database import Library, open_library
from desktop.library.moved import find_moved
from desktop.library.problems import LibraryDamaged
from desktop.library.trash import forget_deleted


def open_at_start(
    path: Path | None = None, tell: Callable[[MezzotintError], object] = lambda _: None
) -> Library:
    """Opens the library, makes the day's backup and adopts orphans. Raises LibraryProblem.

    A backup that can't be made keeps nobody from the library: `tell` gets the reason.
    """
    library = open_library(path)
    try:
        if (reason := _back_up(library)) is not None:
            tell(reason)
        adopt_orphans(library)
    except BaseException:
        library.close()
        raise
    return library


def put_right(
    path: Path | None = None,
    go_on: Callable[[], bool] = lambda: True,
    tell: Callable[[MezzotintError], object] = lambda _: None,
    since: str = "",
) -> int:
    """As `open_at_start`, beside somebody who has the library open already.

    What they deleted `since` this moment stays deleted. Looks for folders that moved, too. Returns how many
    pictures were found. Raises LibraryProblem.
    """
    with open_library(path) as library:
        reason = _back_up(library)
        forget_deleted(library)
        found = find_moved(library, go_on) + adopt_orphans(library, go_on, since)
        if reason is not None:
            tell(reason)
        return found


def _back_up(library: Library) -> MezzotintError | None:
    """Today's backup, or why there is none. Raises LibraryDamaged."""
    try:
        library.back_up_daily()
    except LibraryDamaged:
        raise
    except MezzotintError as reason:
        return reason
    return None

"""Deleting: the file goes to the system's trash, the row stays behind unseen.

A file that comes back from the trash is found at the next start, with its stars and collections.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from desktop.library.database import Library
from desktop.library.search import pictures_by_number

_KEEP_DAYS = 60
_AT_ONCE = 500


def mark_deleted(library: Library, numbers: Sequence[int]) -> None:
    """Hides pictures. If their files are still there at the next start, they are shown again."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    with library.write() as connection:
        connection.executemany(
            "UPDATE pictures SET deleted = ? WHERE id = ?", ((now, number) for number in numbers)
        )
        connection.executemany(_LIST_AGAIN, ((number,) for number in numbers))


_LIST_AGAIN = (
    "UPDATE folders SET listed_ns = NULL WHERE listed_ns IS NOT NULL"
    " AND id = (SELECT folder_id FROM pictures WHERE id = ?)"
)


def bring_back(library: Library, numbers: Sequence[int]) -> None:
    """Shows pictures again."""
    with library.write() as connection:
        connection.executemany(
            "UPDATE pictures SET deleted = NULL WHERE id = ?", ((number,) for number in numbers)
        )


def throw_away(library: Library, numbers: Sequence[int]) -> int:
    """Moves the files of pictures that are marked as deleted to the system's trash.

    Returns how many it could not move; those are shown again.
    """
    stuck: list[int] = []
    for start in range(0, len(numbers), _AT_ONCE):
        pictures = pictures_by_number(library, numbers[start : start + _AT_ONCE])
        left = set(move_to_trash(picture.path for picture in pictures))
        stuck += [picture.id for picture in pictures if picture.path in left]
    if stuck:
        bring_back(library, stuck)
    return len(stuck)


def move_to_trash(paths: Iterable[Path]) -> list[Path]:
    """Moves files to the system's trash, and returns those that are still there because it couldn't."""
    from send2trash import send2trash

    left: list[Path] = []
    for path in paths:
        try:
            send2trash(path)
        except FileNotFoundError:
            continue
        except OSError:
            left.append(path)
    return [path for path in left if os.path.exists(path)]


def forget_deleted(library: Library, now: datetime.datetime | None = None) -> None:
    """Removes the rows of pictures that were deleted long ago."""
    then = (now or datetime.datetime.now(datetime.UTC)) - datetime.timedelta(days=_KEEP_DAYS)
    with library.write() as connection:
        connection.execute("DELETE FROM pictures WHERE deleted < ?", (then.isoformat(timespec="seconds"),))

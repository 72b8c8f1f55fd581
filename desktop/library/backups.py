"""Copies of the database, made while it may be in use: one a day, and one before anything is changed."""

from __future__ import annotations

import contextlib
import datetime
import os
from pathlib import Path

import apsw

from desktop.library import saving
from desktop.library.problems import BACKUPS, damaged, explain
from desktop.library.sqlite import NEW, Connection, connect

_DAILY = "daily"
_KEEP = 10
_PAGES_AT_ONCE = 1000


def backups_folder(database: Path) -> Path:
    """Where the backups of this database are."""
    return database.parent / BACKUPS


def all_backups(database: Path) -> list[Path]:
    """The backups there are, the newest first."""
    return sorted(backups_folder(database).glob("*.db"), key=_time, reverse=True)


def _time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def back_up(connection: Connection, database: Path, kind: str) -> Path:
    """Makes a backup now, whole and durable, and returns its path.

    Raises LibraryDamaged when what was copied is no good, another LibraryProblem or SaveFailed when the
    copy can't be kept; then nothing is left behind.
    """
    folder = backups_folder(database)
    saving.make_folder(folder)
    saving.remove_stale(folder)
    temporary = saving.temporary_in(folder)
    name = f"{kind}-{datetime.datetime.now():%Y-%m-%d-%H%M%S}"
    try:
        _copy(connection, temporary, database)
        saving.sync_file(temporary)
        return saving.place_new(temporary, folder, name, ".db")
    except (apsw.CantOpenError, apsw.FullError, OSError) as error:
        raise explain(error, folder) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _copy(source: Connection, target: Path, database: Path) -> None:
    with contextlib.closing(connect(target, NEW)) as copy:
        with copy.backup("main", source, "main") as work:
            while not work.done:
                work.step(_PAGES_AT_ONCE)
        copy.pragma("journal_mode", "delete")
        if next(iter(copy.execute("PRAGMA quick_check(1)"))) != ("ok",):
            raise damaged(database)


def back_up_daily(connection: Connection, database: Path) -> Path | None:
    """Makes today's backup unless there is one, and keeps the last ten. Raises as `back_up`."""
    today = f"{_DAILY}-{datetime.date.today().isoformat()}"
    folder = backups_folder(database)
    if any(folder.glob(f"{today}*.db")):
        return None
    made = back_up(connection, database, _DAILY)
    others = sorted((path for path in folder.glob(f"{_DAILY}-*.db") if path != made), reverse=True)
    for old in others[_KEEP - 1 :]:  # never today's own, should the clock have been set back
        with contextlib.suppress(OSError):
            os.unlink(old)
    return made

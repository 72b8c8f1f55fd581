"""What can be wrong with the library's database, as a sentence and something to do about it."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Generator
from pathlib import Path

import apsw

from backends.core.contract import MezzotintError

BACKUPS = "backups"
"""The name of the folder beside a database that its backups are in."""

_REBUILD = "Run `mezzotint library rebuild`; it makes the list anew from the pictures."
_RESTORE = (
    "Run `mezzotint library restore` to go back to the newest backup, or `mezzotint library rebuild` to"
    " make the list anew from the pictures."
)


class LibraryProblem(MezzotintError):
    """The library's database can't be used now. The pictures are files of their own, and unharmed."""


class LibraryDamaged(LibraryProblem):
    """The database is broken or gone: it is to be restored or rebuilt."""


class LibraryNewer(LibraryProblem):
    """A later version of Mezzotint made the database; it was not touched."""


def damaged(path: Path) -> LibraryDamaged:
    """The error for a database that is no good any more."""
    return LibraryDamaged(f"The library's database {path} is damaged.", _ways(path))


def gone(path: Path) -> LibraryDamaged:
    """The error for a database that is empty or missing where there was one."""
    return LibraryDamaged(f"The library's database {path} is gone.", _ways(path))


def in_the_way(path: Path) -> LibraryDamaged:
    """The error for a folder, or whatever else is no file, where the database should be."""
    return LibraryDamaged(f"Something that is no file is in the place of {path}.", _ways(path))


def _ways(path: Path) -> str:
    """What can be done about a database that is no good any more."""
    return _RESTORE if any((path.parent / BACKUPS).glob("*.db")) else _REBUILD


def newer(path: Path) -> LibraryNewer:
    """The error for a database that this version doesn't know."""
    return LibraryNewer(
        f"A newer Mezzotint made the library's database {path}.",
        "Install that version, or move the file away.",
    )


@contextlib.contextmanager
def explained(path: Path) -> Generator[None]:
    """Turns whatever SQLite or the system says meanwhile into a LibraryProblem."""
    try:
        yield
    except (apsw.Error, OSError, UnicodeDecodeError) as error:
        raise explain(error, path) from error


def explain(error: Exception, path: Path) -> LibraryProblem:
    """What the error means for a person whose database is `path`."""
    match error:
        case apsw.CorruptError() | apsw.NotADBError() | apsw.SQLError() | UnicodeDecodeError():
            return damaged(path)  # SQLError: a table of ours is not there
        case apsw.ReadOnlyError() if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
            return damaged(path)  # its header claims a format that can only be read
        case IsADirectoryError():
            return in_the_way(path)
        case NotADirectoryError() | FileExistsError():
            return LibraryProblem(
                f"{path.parent} can't be used as a folder, because a file is in the way.",
                "Move that file away.",
            )
        case apsw.BusyError() | apsw.LockedError():
            return LibraryProblem(f"Another program is using {path}.", "Close it, and try again.")
        case apsw.FullError():
            return LibraryProblem(f"The disk that holds {path} is full.", "Free some space.")
        case apsw.ReadOnlyError() | apsw.PermissionsError() | apsw.AuthError() | PermissionError():
            return LibraryProblem(f"Mezzotint is not allowed to write {path}.", "Change its permissions.")
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            return LibraryProblem(f"The disk that holds {path} is full.", "Free some space.")
        case OSError(errno=errno.EROFS):
            return LibraryProblem(f"The disk that holds {path} is read-only.", "Make it writable.")
        case apsw.CantOpenError() if os.path.isdir(path.parent) and not os.access(path.parent, os.W_OK):
            return LibraryProblem(
                f"Mezzotint is not allowed to write in {path.parent}.", "Change its permissions."
            )
        case apsw.CantOpenError():
            return LibraryProblem(f"{path} can't be opened.", "Check its folder, and its permissions.")
        case _:
            return LibraryProblem(f"The library's database {path} can't be used: {error}.", "Check the disk.")

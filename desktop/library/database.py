"""The library's database: SQLite, as apsw brings it, opened so that what is committed stays.

WAL and synchronous=FULL: a commit is on the disk when it returns. The window and the command line
may both write, each in short immediate transactions. A Library belongs to one thread.
"""

from __future__ import annotations

import contextlib
import os
import stat
import struct
from collections.abc import Generator
from pathlib import Path
from typing import Any

import apsw

from desktop.library import backups, migrations, paths, saving
from desktop.library.problems import explained, gone, in_the_way
from desktop.library.sqlite import NEW, Connection, connect, transaction

_BUSY_MS = 10_000
_HEADER_BYTES = 100
SIDE_FILES = ("-wal", "-shm")
"""What SQLite puts beside a database that is in use, as endings of its name."""


class Library:
    """An open database. Its methods raise LibraryProblem."""

    def __init__(self, connection: Connection, path: Path) -> None:
        self.path = path
        self._connection = connection

    def read(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with explained(self.path):
            return list(self._connection.execute(sql, values))

    @contextlib.contextmanager
    def write(self) -> Generator[Connection]:
        """A transaction: durable once the block is left, or undone when it raises."""
        with explained(self.path), transaction(self._connection):
            yield self._connection

    def back_up(self, kind: str = "asked") -> Path:
        """Makes a backup now and returns its path."""
        with explained(self.path):
            return backups.back_up(self._connection, self.path, kind)

    def back_up_daily(self) -> None:
        """Makes today's backup if there is none yet."""
        with explained(self.path):
            backups.back_up_daily(self._connection, self.path)

    def faults(self) -> list[str]:
        """What SQLite finds wrong with the file. It reads all of it."""
        with explained(self.path):
            found = [str(row[0]) for row in self._connection.execute("PRAGMA integrity_check(20)")]
        return [] if found == ["ok"] else found

    def close(self) -> None:
        """Closes the database. Calling it twice does no harm."""
        with explained(self.path):
            self._connection.close()

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def database_path() -> Path:
    """Where the library's database is."""
    return paths.library_folder() / "library.db"


def open_library(path: Path | None = None, *, busy_ms: int = _BUSY_MS) -> Library:
    """Opens the database, making or migrating it where need be.

    Raises LibraryNewer, LibraryDamaged, or another LibraryProblem; SaveFailed when its folder
    can't be made.
    """
    path = path or database_path()
    if not _exists(path):
        if backups.all_backups(path):
            raise gone(path)
        create_library(path)
    with explained(path):
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise in_the_way(path)
        migrations.check_version(*read_version(path), path)
        connection = _connect(path, busy_ms)
        try:
            migrations.migrate(connection, path)
            _log_ahead(connection)
        except BaseException:
            connection.close()
            raise
    return Library(connection, path)


def _log_ahead(connection: Connection) -> None:
    """A backup that was put in place keeps no log yet. While somebody else is at work it stays so."""
    if connection.pragma("journal_mode") != "wal":
        with contextlib.suppress(apsw.Error):
            connection.pragma("journal_mode", "wal")


def _exists(path: Path) -> bool:
    """An empty file is what a crash of the disk leaves of one."""
    try:
        return os.stat(path).st_size > 0
    except FileNotFoundError:
        return False
    except OSError:
        return True  # then opening it says what is wrong


def create_library(path: Path) -> None:
    """Makes an empty database beside its place and gives it its name once it is whole."""
    saving.make_folder(path.parent)
    saving.remove_stale(path.parent)
    temporary = saving.temporary_in(path.parent)
    with explained(path):
        try:
            _make_empty(temporary)
            _remove_empty(path)
            with contextlib.suppress(FileExistsError):  # another process was faster
                saving.rename_new(temporary, path)
        finally:
            for name in ("", *SIDE_FILES):
                with contextlib.suppress(OSError):
                    temporary.with_name(temporary.name + name).unlink(missing_ok=True)


def _make_empty(path: Path) -> None:
    with contextlib.closing(connect(path, NEW)) as connection:
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", "full")
        migrations.create(connection)


def _remove_empty(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if not os.stat(path).st_size:
            path.unlink()


def read_version(path: Path) -> tuple[int, int]:
    """The application id and version in a database's header, before SQLite changes anything.

    It reads through SQLite's own file layer: closing the file any other way would drop the locks that
    another connection of this process holds (sqlite.org/howtocorrupt.html, 2.2). Raises apsw.Error when
    the file can't be read or is no database.
    """
    flags = [apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READONLY, 0]
    file = apsw.VFSFile("", str(path), flags)
    try:
        header = file.xRead(_HEADER_BYTES, 0)
    finally:
        file.xClose()
    if len(header) < _HEADER_BYTES or not header.startswith(b"SQLite format 3\0"):
        raise apsw.NotADBError("no SQLite header")
    (version,), (application_id,) = struct.unpack_from(">i", header, 60), struct.unpack_from(">i", header, 68)
    return application_id, version


def _connect(path: Path, busy_ms: int) -> Connection:
    connection = connect(path)
    try:
        connection.set_busy_timeout(busy_ms)
        connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
        for name, value in _PRAGMAS.items():
            connection.pragma(name, value)
    except BaseException:
        connection.close()
        raise
    return connection


_PRAGMAS = {
    "synchronous": "full",
    "fullfsync": 1,  # macOS: to the platter, and not to the disk's own memory
    "checkpoint_fullfsync": 1,
    "foreign_keys": 1,
    "cell_size_check": 1,
    "trusted_schema": 0,
}

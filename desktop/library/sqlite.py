"""What we use of apsw's connection. Its own annotations name types that Python 3.11 doesn't have."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import apsw

NEW = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
"""The flags that make a file."""


class Connection(Protocol):
    """An apsw.Connection."""

    @property
    def in_transaction(self) -> bool: ...

    def execute(self, statements: str, bindings: Sequence[Any] | None = None) -> apsw.Cursor: ...

    def executemany(self, statements: str, sequenceofbindings: Iterable[Sequence[Any]]) -> apsw.Cursor: ...

    def pragma(self, name: str, value: Any = None) -> Any: ...

    def backup(self, databasename: str, sourceconnection: Any, sourcedatabasename: str) -> apsw.Backup: ...

    def config(self, op: int, *args: int) -> int: ...

    def set_busy_timeout(self, milliseconds: int) -> None: ...

    def close(self) -> None: ...


def connect(path: Path, flags: int = apsw.SQLITE_OPEN_READWRITE) -> Connection:
    """Opens a file that is there, or makes it when the flags say so. Raises apsw.Error."""
    return cast(Connection, apsw.Connection(str(path), flags=flags))


@contextlib.contextmanager
def transaction(connection: Connection) -> Generator[None]:
    """Writes at once, or waits its turn: durable once the block is left, undone when it raises."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise

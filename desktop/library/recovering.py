"""What an old database, perhaps a broken one, can still tell of what people said about their pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import apsw

from desktop.library.marks import label
from desktop.library.sqlite import Connection

Place = tuple[str, str]
"""A folder's text and a file's name, as the database has them."""

_PLACES = "FROM pictures p JOIN folders f ON f.id = p.folder_id"


@dataclass
class Source:
    """A database that may be broken. `whole` until something of it could not be read."""

    connection: Connection
    whole: bool = True

    def is_sound(self) -> bool:
        self.whole = list(self.rows("PRAGMA quick_check(1)")) == [("ok",)] and self.whole
        return self.whole

    def has_marks(self) -> bool:
        """Whether it is new enough to know ratings and labels."""
        return bool(list(self.rows("SELECT 1 FROM sqlite_master WHERE name = 'labelled'")))

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, up to the first that can't be read."""
        try:
            yield from self.connection.execute(sql)
        except (apsw.BusyError, apsw.LockedError):
            raise
        except (apsw.Error, UnicodeDecodeError):
            self.whole = False


@dataclass
class Marks:
    """Stars, ratings, labels, and which pictures were deleted."""

    stars: list[Place] = field(default_factory=list[Place])
    ratings: list[tuple[str, str, int]] = field(default_factory=list[tuple[str, str, int]])
    labels: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    labelled: list[tuple[str, str, str, str]] = field(default_factory=list[tuple[str, str, str, str]])
    deleted: set[Place] = field(default_factory=set[Place])

    def read(self, old: Source) -> None:
        """Adds what this database tells."""
        self.stars += _sound(old.rows(f"SELECT f.path, p.name {_PLACES} WHERE p.starred = 1"))
        if not old.has_marks():
            return
        self.deleted.update(_sound(old.rows(f"SELECT f.path, p.name {_PLACES} WHERE p.deleted IS NOT NULL")))
        ratings = old.rows(f"SELECT f.path, p.name, p.rating {_PLACES} WHERE p.rating BETWEEN 1 AND 5")
        self.ratings += [row for row in ratings if _is_text(*row[:2]) and type(row[2]) is int]
        self.labels += _sound(old.rows("SELECT kind, name FROM labels"))
        self.labelled += _sound(
            old.rows(
                f"SELECT f.path, p.name, l.kind, l.name {_PLACES}"
                " JOIN labelled ON picture_id = p.id JOIN labels l ON l.id = label_id"
            )
        )

    def write(self, connection: Connection) -> None:
        """Gives the pictures that are there what they had."""
        connection.executemany(f"UPDATE pictures SET starred = 1 WHERE id = {_PICTURE_AT}", self.stars)
        connection.executemany(f"UPDATE pictures SET rating = ?3 WHERE id = {_PICTURE_AT}", self.ratings)
        for kind, name in self.labels:
            if kind in ("tag", "collection"):
                label(connection, kind, name, ())
        connection.executemany(_LABEL, self.labelled)


_PICTURE_AT = (
    "(SELECT p.id FROM pictures p JOIN folders f ON f.id = p.folder_id WHERE f.path = ?1 AND p.name = ?2)"
)
_LABEL = (
    "INSERT OR IGNORE INTO labelled SELECT l.id, p.id FROM labels l, pictures p"
    f" WHERE l.kind = ?3 AND l.name = ?4 AND p.id = {_PICTURE_AT}"
)


def _sound(rows: Iterator[tuple[Any, ...]]) -> list[Any]:
    return [row for row in rows if _is_text(*row)]


def _is_text(*values: object) -> bool:
    return all(isinstance(value, str) and value != "" and "\0" not in value for value in values)

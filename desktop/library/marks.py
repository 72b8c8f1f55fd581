"""What people say about pictures: stars, ratings, tags and collections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from desktop.library.database import Library
from desktop.library.places import storable
from desktop.library.sqlite import Connection

Kind = Literal["tag", "collection"]
BEST = 5
_LONGEST = 100


@dataclass(frozen=True)
class Label:
    """A tag or a collection, and how many pictures have it."""

    name: str
    pictures: int


def star_pictures(library: Library, numbers: Sequence[int], starred: bool) -> None:
    """Marks pictures as favourites, or no longer."""
    with library.write() as connection:
        values = ((starred, number) for number in numbers)
        connection.executemany("UPDATE pictures SET starred = ? WHERE id = ?", values)


def rate_pictures(library: Library, numbers: Sequence[int], rating: int) -> None:
    """Gives pictures 1 to 5 points, or 0 for none."""
    with library.write() as connection:
        values = ((min(max(rating, 0), BEST), number) for number in numbers)
        connection.executemany("UPDATE pictures SET rating = ? WHERE id = ?", values)


def all_labels(library: Library, kind: Kind) -> list[Label]:
    """All tags, or all collections, in the order of the alphabet."""
    rows = library.read(
        "SELECT l.name, count(p.id) FROM labels l LEFT JOIN labelled ON label_id = l.id"
        " LEFT JOIN pictures p ON p.id = picture_id AND p.deleted IS NULL"
        " WHERE l.kind = ? GROUP BY l.id ORDER BY l.name",
        kind,
    )
    return [Label(str(name), count) for name, count in rows]


def labels_of(library: Library, number: int, kind: Kind) -> tuple[str, ...]:
    """A picture's tags, or the collections it is in."""
    rows = library.read(
        "SELECT name FROM labels JOIN labelled ON label_id = id"
        " WHERE picture_id = ? AND kind = ? ORDER BY name",
        number,
        kind,
    )
    return tuple(str(name) for (name,) in rows)


def add_label(library: Library, kind: Kind, name: str, numbers: Sequence[int] = ()) -> None:
    """Gives pictures a tag, or puts them into a collection, which is made where missing."""
    with library.write() as connection:
        label(connection, kind, name, numbers)


def label(connection: Connection, kind: Kind, name: str, numbers: Sequence[int]) -> None:
    """As `add_label`, within somebody's transaction. A name without letters is passed over."""
    if not (name := tidy_name(name)):
        return
    connection.execute("INSERT INTO labels (kind, name) VALUES (?, ?) ON CONFLICT DO NOTHING", (kind, name))
    values = ((kind, name, number) for number in numbers)
    connection.executemany(
        "INSERT OR IGNORE INTO labelled SELECT id, ?3 FROM labels WHERE kind = ?1 AND name = ?2", values
    )


def remove_label(library: Library, kind: Kind, name: str, numbers: Sequence[int]) -> None:
    """Takes a tag from pictures, or takes them out of a collection. A tag that nothing has is gone."""
    with library.write() as connection:
        values = ((number, kind, name) for number in numbers)
        connection.executemany(
            "DELETE FROM labelled WHERE picture_id = ?"
            " AND label_id = (SELECT id FROM labels WHERE kind = ? AND name = ?)",
            values,
        )
        connection.execute(
            "DELETE FROM labels WHERE kind = 'tag'"
            " AND NOT EXISTS (SELECT 1 FROM labelled WHERE label_id = id)"
        )


def rename_label(library: Library, kind: Kind, name: str, new: str) -> None:
    """Renames a tag or a collection; into one that is there already, both become one."""
    if not (new := tidy_name(new)):
        return
    with library.write() as connection:
        if new.casefold() == name.casefold():
            connection.execute("UPDATE labels SET name = ? WHERE kind = ? AND name = ?", (new, kind, name))
            return
        connection.execute(
            "INSERT INTO labels (kind, name) VALUES (?, ?) ON CONFLICT DO NOTHING", (kind, new)
        )
        connection.execute(
            "INSERT OR IGNORE INTO labelled SELECT n.id, picture_id"
            " FROM labelled JOIN labels o ON label_id = o.id"
            " JOIN labels n ON n.kind = o.kind AND n.name = ? WHERE o.kind = ? AND o.name = ?",
            (new, kind, name),
        )
        connection.execute("DELETE FROM labels WHERE kind = ? AND name = ?", (kind, name))


def delete_label(library: Library, kind: Kind, name: str) -> None:
    """Takes a tag or a collection away. The pictures stay."""
    with library.write() as connection:
        connection.execute("DELETE FROM labels WHERE kind = ? AND name = ?", (kind, name))


def tidy_name(name: str) -> str:
    """A label's name as it is stored: one line, without spaces around it."""
    return " ".join(storable(name).replace("\0", " ").split())[:_LONGEST]

"""Finding pictures: what a person types, as plain data, and the rows it means.

    panda "on a beach" model:starter seed:7 after:2026-11-01 before:2026-12
    star: rating:4 tag:sea in:"My best"

Every word must begin a word of the prompt, the negative prompt, the model or the file's name;
words in quotes stand together. Anything that can't be understood is looked for as words.
"""

from __future__ import annotations

import datetime
import json
import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from desktop.library.database import Library
from desktop.library.index import COLUMNS, LibraryPicture, to_picture
from desktop.library.places import storable
from desktop.library.problems import explained

_PAGE = 500
_PART = re.compile(r'(?:(\w+):)?(?:"([^"]*)"?|(\S*))')
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?")
_SEED = re.compile(r"[0-9]{1,19}")
_YES, _NO = ("", "1", "yes", "true"), ("0", "no", "false")
_UNSPACED = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")  # Thai, Lao, kana, Han
_TOO_MANY = 50


@dataclass(frozen=True, kw_only=True)
class Query:
    """What is looked for. `before` and `after` are UTC in ISO 8601; `after` is included, `before` is not.

    `rating` is the least; a picture has all `tags`, and is in all `collections`.
    """

    words: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    seed: int | None = None
    before: str | None = None
    after: str | None = None
    starred: bool | None = None
    rating: int | None = None
    tags: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()


Order = Literal["newest", "oldest", "rating", "name", "prompt"]
ORDERS: Mapping[Order, str] = {
    "newest": "p.created DESC, p.id DESC",
    "oldest": "p.created, p.id",
    "rating": "p.rating DESC, p.created DESC, p.id DESC",
    "name": "p.name, p.id",
    "prompt": "p.prompt COLLATE NOCASE, p.created, p.id",
}
"""The orders that pictures can be listed in, and what each is to SQL."""


def parse_query(text: str) -> Query:
    """What a person typed, as plain data. Never fails."""
    found: dict[str, Any] = {}
    words: list[str] = []
    lists: dict[str, list[str]] = {"model": [], "tag": [], "in": []}
    for match in _PART.finditer(storable(text)):
        key, value = (match[1] or "").lower(), (match[3] if match[2] is None else match[2])
        if key in lists and value:
            lists[key].append(value)
        elif key and (meaning := _meaning(key, value)) is not None:
            found["starred" if key == "star" else key] = meaning
        elif match[0]:
            words.append(f"{match[1]} {value}" if match[1] else value)
    models, tags, collections = (tuple(each) for each in lists.values())
    return Query(words=tuple(words), models=models, tags=tags, collections=collections, **found)


def _meaning(key: str, value: str) -> Any:
    """The value of `key:value` in a Query, or None when these are just words."""
    if key == "seed" and _SEED.fullmatch(value) and int(value) < 2**63:
        return int(value)
    if key == "rating" and value in ("1", "2", "3", "4", "5"):
        return int(value)
    if key in ("before", "after"):
        return _moment(value)
    if key == "star" and value.lower() in (*_YES, *_NO):
        return value.lower() in _YES
    return None


def _moment(text: str) -> str | None:
    """The beginning of a day, month or year here, in UTC."""
    if not (match := _DATE.fullmatch(text)):
        return None
    year, month, day = (int(part or 1) for part in match.groups())
    try:
        begins = datetime.datetime(year, month, day).astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        return None
    return begins.isoformat(timespec="seconds")


def words_to_match(text: str) -> str:
    """An FTS5 expression for what a person typed, with nothing of it taken for an operator."""
    return _match(parse_words(text))


def parse_words(text: str) -> tuple[str, ...]:
    """The words of a text; those in quotes stand together."""
    return tuple(quoted or plain for quoted, plain in re.findall(r'"([^"]*)"?|([^\s"]+)', storable(text)))


def _match(words: tuple[str, ...]) -> str:
    kept = [word.replace("\0", " ").replace('"', " ").strip() for word in words[:_TOO_MANY]]
    return " ".join(f'"{word}" *' for word in kept if _has_token(word))


def _has_token(word: str) -> bool:
    """Whether the tokenizer finds something to look for: a letter, a digit or a picture sign."""
    return any(character.isalnum() or ord(character) >= 0x2000 for character in word)


def find_pictures(library: Library, query: Query | None = None) -> Iterator[LibraryPicture]:
    """The pictures that a query means, the newest first, read a page at a time."""
    conditions, values = _conditions(query or Query())
    after: tuple[Any, ...] = ("9999", 0)
    while True:
        where = " AND ".join(["(p.created, p.id) < (?, ?)", *conditions])
        rows = library.read(
            f"SELECT {COLUMNS} FROM pictures p JOIN folders f ON f.id = p.folder_id"
            f" WHERE {where} ORDER BY p.created DESC, p.id DESC LIMIT {_PAGE}",
            *after,
            *values,
        )
        with explained(library.path):
            page = [to_picture(row) for row in rows]
        yield from page
        if len(page) < _PAGE:
            return
        after = (page[-1].created, page[-1].id)


def find_numbers(library: Library, query: Query | None = None, order: Order = "newest") -> array[int]:
    """The ids of all the pictures that a query means: 100,000 take less than a megabyte."""
    conditions, values = _conditions(query or Query())
    ordered = f"SELECT p.id FROM pictures p WHERE {' AND '.join(conditions)} ORDER BY {ORDERS[order]}"
    # as one text: a row each would pass Python's lock to and fro 100,000 times
    ((numbers,),) = library.read(f"SELECT json_group_array(id) FROM ({ordered})", *values)
    return array("q", json.loads(numbers))


def pictures_by_number(library: Library, numbers: Sequence[int]) -> list[LibraryPicture]:
    """The pictures with these ids, in this order; those that are no longer there are left out."""
    marks = ", ".join("?" * len(numbers))
    rows = library.read(
        f"SELECT {COLUMNS} FROM pictures p JOIN folders f ON f.id = p.folder_id WHERE p.id IN ({marks})",
        *numbers,
    )
    with explained(library.path):
        found = {picture.id: picture for picture in map(to_picture, rows)}
    return [found[number] for number in numbers if number in found]


def count_pictures(library: Library, query: Query | None = None) -> int:
    """How many pictures a query means."""
    conditions, values = _conditions(query or Query())
    where = " AND ".join(conditions)
    return int(library.read(f"SELECT count(*) FROM pictures p WHERE {where}", *values)[0][0])


def _conditions(query: Query) -> tuple[list[str], list[Any]]:
    """SQL conditions on pictures p, and the values they are bound to."""
    anywhere = [word for word in query.words if _UNSPACED.search(word)]
    match = _match(tuple(word for word in query.words if word not in anywhere))
    pairs: list[tuple[str, Any]] = [
        ("p.id IN (SELECT rowid FROM picture_words WHERE picture_words MATCH ?)", match or None),
        ("p.seed = ?", query.seed),
        ("p.created < ?", query.before),
        ("p.created >= ?", query.after),
        ("p.starred = 1 AND ?", query.starred or None),  # in letters, so that the index is used
        ("p.starred = ?", 0 if query.starred is False else None),
        ("p.rating >= ?", query.rating),
    ]
    pairs += [("instr(p.prompt || ' ' || p.negative_prompt, ?)", word) for word in anywhere]
    pairs += [("instr(lower(p.model), lower(?))", model) for model in query.models]
    pairs += [(_LABELLED.format(kind="tag"), name) for name in query.tags]
    pairs += [(_LABELLED.format(kind="collection"), name) for name in query.collections]
    asked = [(condition, value) for condition, value in pairs if value is not None]
    return ["p.deleted IS NULL", *(each for each, _ in asked)], [value for _, value in asked]


_LABELLED = (
    "p.id IN (SELECT picture_id FROM labelled JOIN labels ON labels.id = label_id"
    " WHERE kind = '{kind}' AND name = ?)"
)

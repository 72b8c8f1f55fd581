"""Finding pictures: what a person types, as plain data, and the rows it means.

    panda "on a beach" model:starter seed:7 after:2026-11-01 before:2026-12 star:

Every word must begin a word of the prompt, the negative prompt, the model or the file's name;
words in quotes stand together. Anything that can't be understood is looked for as words.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

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
    """What is looked for. `before` and `after` are UTC in ISO 8601; `after` is included, `before` is not."""

    words: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    seed: int | None = None
    before: str | None = None
    after: str | None = None
    starred: bool | None = None


def parse_query(text: str) -> Query:
    """What a person typed, as plain data. Never fails."""
    found: dict[str, Any] = {}
    words: list[str] = []
    models: list[str] = []
    for match in _PART.finditer(storable(text)):
        key, value = (match[1] or "").lower(), (match[3] if match[2] is None else match[2])
        if key == "model" and value:
            models.append(value)
        elif key and (meaning := _meaning(key, value)) is not None:
            found["starred" if key == "star" else key] = meaning
        elif match[0]:
            words.append(f"{match[1]} {value}" if match[1] else value)
    return Query(words=tuple(words), models=tuple(models), **found)


def _meaning(key: str, value: str) -> Any:
    """The value of `key:value` in a Query, or None when these are just words."""
    if key == "seed" and _SEED.fullmatch(value) and int(value) < 2**63:
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


def count_pictures(library: Library, query: Query | None = None) -> int:
    """How many pictures a query means."""
    conditions, values = _conditions(query or Query())
    where = " AND ".join(["TRUE", *conditions])
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
        ("p.starred = ?", query.starred),
    ]
    pairs += [("instr(p.prompt || ' ' || p.negative_prompt, ?)", word) for word in anywhere]
    pairs += [("instr(lower(p.model), lower(?))", model) for model in query.models]
    asked = [(condition, value) for condition, value in pairs if value is not None]
    return [condition for condition, _ in asked], [value for _, value in asked]

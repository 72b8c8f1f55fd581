"""Every prompt ever used, whether or not its pictures still exist."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from backends.core.contract import Request
from desktop.library.database import Library
from desktop.library.index import COLUMNS, LibraryPicture, to_picture
from desktop.library.places import storable
from desktop.library.problems import explained
from desktop.library.search import words_to_match

_COLUMNS = "id, prompt, negative_prompt, settings, uses, first_used, last_used, starred"


@dataclass(frozen=True, kw_only=True)
class UsedPrompt:
    """A prompt with its negative one: the settings of its last use, how often it was used, and when (UTC)."""

    id: int
    prompt: str
    negative_prompt: str
    settings: Mapping[str, Any]
    uses: int
    first_used: str
    last_used: str
    starred: bool


def settings_of(request: Request) -> dict[str, Any]:
    """What a request says besides its prompts, as plain data."""
    texts = ("prompt", "negative_prompt")
    pictures = ("init_image", "mask", "references", "controls", "depth_map")
    apart = (*texts, *pictures, "feather", "extend", "hires", "refiner", "id")
    return {name: value for name, value in vars(request).items() if name not in apart}


def remember_prompt(library: Library, request: Request, when: datetime | None = None) -> None:
    """Counts one more use of the request's prompts, with its settings."""
    moment = (when or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds")
    texts = storable(request.prompt), storable(request.negative_prompt)
    with library.write() as connection:
        connection.execute(_REMEMBER, (*texts, json.dumps(settings_of(request)), moment))


_REMEMBER = """
INSERT INTO prompts (prompt, negative_prompt, settings, first_used, last_used) VALUES (?1, ?2, ?3, ?4, ?4)
ON CONFLICT (prompt, negative_prompt) DO UPDATE SET
    uses = uses + 1, settings = excluded.settings, last_used = max(last_used, excluded.last_used)
"""


def find_prompts(
    library: Library, text: str = "", *, starred: bool = False, limit: int = 100, offset: int = 0
) -> list[UsedPrompt]:
    """Prompts in which every word of the text begins a word, the last used first."""
    conditions = ["starred >= ?"]
    values: list[Any] = [int(starred), limit, offset]
    if match := words_to_match(text):
        conditions.insert(0, "id IN (SELECT rowid FROM prompt_words WHERE prompt_words MATCH ?)")
        values.insert(0, match)
    rows = library.read(
        f"SELECT {_COLUMNS} FROM prompts WHERE {' AND '.join(conditions)}"
        " ORDER BY last_used DESC, id DESC LIMIT ? OFFSET ?",
        *values,
    )
    return [_to_prompt(row) for row in rows]


def _to_prompt(row: tuple[Any, ...]) -> UsedPrompt:
    number, prompt, negative, settings, uses, first, last, star = row
    return UsedPrompt(
        id=number, prompt=str(prompt), negative_prompt=str(negative), settings=_settings(settings), uses=uses,
        first_used=first, last_used=last, starred=bool(star),
    )  # fmt: skip


def _settings(text: str) -> dict[str, Any]:
    """What the file's damage left of it."""
    try:
        return json.loads(text)
    except (ValueError, TypeError):
        return {}


def star_prompt(library: Library, number: int, starred: bool) -> None:
    """Marks a prompt as a favourite, or no longer."""
    with library.write() as connection:
        connection.execute("UPDATE prompts SET starred = ? WHERE id = ?", (starred, number))


def forget_prompt(library: Library, number: int) -> None:
    """Takes a prompt out of the history, because the person asked."""
    with library.write() as connection:
        connection.execute("DELETE FROM prompts WHERE id = ?", (number,))


def pictures_of(library: Library, used: UsedPrompt, limit: int = 4) -> list[LibraryPicture]:
    """The newest pictures that were made with exactly this prompt and negative prompt."""
    conditions, values = ["p.prompt = ?", "p.negative_prompt = ?"], [used.prompt, used.negative_prompt]
    if match := words_to_match(_plain(used.prompt)):
        conditions.insert(0, "p.id IN (SELECT rowid FROM picture_words WHERE picture_words MATCH ?)")
        values.insert(0, match)
    rows = library.read(
        f"SELECT {COLUMNS} FROM pictures p JOIN folders f ON f.id = p.folder_id"
        f" WHERE {' AND '.join(conditions)} ORDER BY p.created DESC LIMIT {int(limit)}",
        *values,
    )
    with explained(library.path):
        return [to_picture(row) for row in rows]


def _plain(prompt: str) -> str:
    """Its first words, without what a search would take for more than words."""
    return " ".join(re.findall(r"\w+", prompt)[:8])


def recent_texts(library: Library, limit: int = 200, offset: int = 0) -> list[tuple[str, str]]:
    """Prompts and negative prompts, the last used first."""
    return [(used.prompt, used.negative_prompt) for used in find_prompts(library, limit=limit, offset=offset)]

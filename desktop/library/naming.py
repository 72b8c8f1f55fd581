"""Names for picture files: short, readable, and allowed on every system."""

from __future__ import annotations

import datetime
import unicodedata

_MAX_CHARACTERS = 48
_MAX_BYTES = 96


def picture_stem(day: datetime.date, seed: int, prompt: str) -> str:
    """A file name without its ending: 2026-11-22-1234-a-panda-eating-tacos."""
    return "-".join(part for part in (day.isoformat(), str(seed), slug(prompt)) if part)


def slug(text: str) -> str:
    """The text's letters and digits of any script, in lower case, with hyphens between words.

    At most 48 characters and 96 bytes of UTF-8, cut at a word where there is one.
    """
    words = "".join(_kept(character) for character in unicodedata.normalize("NFC", text[:1000]).lower())
    joined = ""
    for word in words.split():
        longer = f"{joined}-{word}" if joined else word
        if _too_long(longer):
            break
        joined = longer
    return joined or _cut(words.split()[0] if words.split() else "")


def _kept(character: str) -> str:
    """Letters, digits and, for scripts that need them, marks; emoji and their selectors are not."""
    category = unicodedata.category(character)
    is_selector = "\ufe00" <= character <= "\ufe0f"
    if character in "'\u2019" or is_selector:
        return ""
    return character if category[0] in "LN" or category in ("Mn", "Mc") else " "


def _too_long(text: str) -> bool:
    return len(text) > _MAX_CHARACTERS or len(text.encode("utf-8", "replace")) > _MAX_BYTES


def _cut(word: str) -> str:
    while _too_long(word):
        word = word[:-1]
    return word

"""What the window says, in the language of the person who reads it.

English is the source: `tr("Add to queue")` is the German entry of resources/translations/de.po, or
the English itself. Values go in by name: `tr("{count} waiting", count=3)`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "resources" / "translations"
ENGLISH = "en"
LANGUAGES: Mapping[str, str] = {ENGLISH: "English", "de": "Deutsch"}
"""The languages there are, by the names their speakers give them."""

_LINE = re.compile(r'^(msgid|msgstr)?\s*"((?:[^"\\]|\\.)*)"$')
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "t": "\t"}


@dataclass
class _Speech:
    """The language in use: one for the process, as the system's own is."""

    language: str = ENGLISH
    entries: Mapping[str, str] = field(default_factory=dict[str, str])


_speech = _Speech()


def speak(language: str) -> None:
    """Chooses the language of everything that `tr` says from now on; one that is not there is English."""
    _speech.language = language if language in LANGUAGES else ENGLISH
    _speech.entries = {} if _speech.language == ENGLISH else read_catalogue(_speech.language)


def spoken() -> str:
    """The language in use."""
    return _speech.language


def tr(english: str, /, **values: object) -> str:
    """The sentence in the language in use, with the values in the places that name them."""
    said = _speech.entries.get(english) or english
    return said.format(**values) if values else said


def read_catalogue(language: str) -> dict[str, str]:
    """English -> this language, from its .po file; entries without a translation are left out."""
    return parse_po((FOLDER / f"{language}.po").read_text(encoding="utf-8"))


def parse_po(text: str) -> dict[str, str]:
    """What a .po file (gettext) translates. Comments, plurals and contexts are not used here."""
    entries: dict[str, str] = {}
    parts = {"msgid": "", "msgstr": ""}
    reading = "msgstr"
    for line in [*text.splitlines(), 'msgid ""']:
        if not (match := _LINE.match(line.strip())):
            continue
        keyword, words = match[1], _ESCAPE.sub(lambda m: _ESCAPED.get(m[1], m[1]), match[2])
        if keyword == "msgid":
            if parts["msgid"] and parts["msgstr"]:
                entries[parts["msgid"]] = parts["msgstr"]
            parts = {"msgid": "", "msgstr": ""}
        reading = keyword or reading
        parts[reading] += words
    return entries

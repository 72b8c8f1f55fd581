"""Sentences that other parts say in English, in the language of the window: errors, warnings, reasons.

The backends and the library know no languages. What they say is found in the catalogue by its form, in
which values stand as {1}, {2} ...: "{1} is damaged or cut short." is any such sentence, and the value keeps
its place in the translation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from desktop.model.language import ENGLISH, FOLDER, parse_po, spoken

_PLACE = re.compile(r"\{(\d+)\}")
_END = re.compile(r"(?<=[.!?]) (?=\S)")
_LEAST_LETTERS = 4
"""A form with fewer letters of its own would be found in anything."""


def said(english: str) -> str:
    """Some sentences in the language in use. What isn't in the catalogue stays as it is."""
    if spoken() == ENGLISH or not english:
        return english
    language = spoken()
    for end in (*(match.start() for match in _END.finditer(english)), len(english)):
        first = _said(english[:end], language)
        if first is not None:
            rest = english[end + 1 :]
            return f"{first} {said(rest)}" if rest else first
    return english


def _said(english: str, language: str) -> str | None:
    """One sentence, or a part of one, if the catalogue has its form; the most telling form counts."""
    if (whole := sentences(language).get(english)) is not None:
        return whole
    for form, translation in _forms(language):
        if (match := form.fullmatch(english)) is not None:
            values = {name: _said(value, language) or value for name, value in _values(match).items()}
            return _PLACE.sub(lambda place, values=values: values[place[1]], translation)
    return None


def _values(match: re.Match[str]) -> dict[str, str]:
    return {name.removeprefix("v"): value for name, value in match.groupdict().items()}


@cache
def sentences(language: str) -> Mapping[str, str]:
    """English form -> its translation."""
    path = FOLDER / f"{language}-sentences.po"
    return parse_po(path.read_text(encoding="utf-8")) if path.exists() else {}


@cache
def _forms(language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Those with places, the ones with the most letters of their own first."""
    forms = [each for each in sentences(language).items() if _PLACE.search(each[0]) and is_telling(each[0])]
    forms.sort(key=lambda each: -len(_PLACE.sub("", each[0])))
    return tuple((_pattern(english), translation) for english, translation in forms)


def is_telling(form: str) -> bool:
    """Whether a sentence can be known by this form."""
    return sum(map(str.isalpha, _PLACE.sub("", form))) >= _LEAST_LETTERS


def _pattern(form: str) -> re.Pattern[str]:
    parts = _PLACE.split(form)
    pieces = (f"(?P<v{part}>.+?)" if number % 2 else re.escape(part) for number, part in enumerate(parts))
    return re.compile("".join(pieces), re.DOTALL)

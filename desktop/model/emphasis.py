"""The weight of words in a prompt, written as (words:1.2): a little more or less with every key press."""

from __future__ import annotations

import re

STEP = 0.1
_LEAST, _MOST = 0.0, 2.0
_GROUP = re.compile(r"\(([^()]*):(\d+(?:\.\d+)?)\)")
_WORD = re.compile(r"[^\s,()]+")


def shift_weight(text: str, start: int, end: int, steps: int) -> tuple[str, int, int]:
    """The text with the weight of what is selected changed by `steps` tenths, and the new selection.

    With nothing selected it is the word at the cursor. At weight 1 the brackets go.
    """
    if group := _group_at(text, start, end):
        words, weight = group[1], float(group[2])
        return _replace(text, group.start(), group.end(), words, weight + steps * STEP)
    start, end = _trim(text, *((start, end) if end > start else _word_at(text, start)))
    if start == end:
        return text, start, end
    return _replace(text, start, end, text[start:end], 1.0 + steps * STEP)


def _group_at(text: str, start: int, end: int) -> re.Match[str] | None:
    """The weighted words that the selection lies in."""
    for match in _GROUP.finditer(text):
        if match.start() <= start and end <= match.end():
            return match
    return None


def _word_at(text: str, at: int) -> tuple[int, int]:
    return next((m.span() for m in _WORD.finditer(text) if m.start() <= at <= m.end()), (at, at))


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    """Without the spaces and commas at the ends."""
    while start < end and text[start] in " \t\n,":
        start += 1
    while end > start and text[end - 1] in " \t\n,":
        end -= 1
    return start, end


def _replace(text: str, start: int, end: int, words: str, weight: float) -> tuple[str, int, int]:
    weight = round(min(_MOST, max(_LEAST, weight)), 2)
    written = words if weight == 1.0 else f"({words}:{weight:g})"
    inside = start + (0 if weight == 1.0 else 1)
    return text[:start] + written + text[end:], inside, inside + len(words)

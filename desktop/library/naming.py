"""Names for picture files: short, readable, and allowed on every system."""

from __future__ import annotations

import datetime
import re
import unicodedata
from dataclasses import dataclass

_MAX_CHARACTERS = 48
_MAX_BYTES = 96
MAX_STEM_BYTES = 140
DEFAULT_TEMPLATE = "{date}-{seed}-{prompt}"
_FIELD = re.compile(r"\{(\w+)\}")
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
_RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{name}{n}" for name in ("COM", "LPT") for n in range(1, 10))}


def picture_stem(day: datetime.date, seed: int, prompt: str) -> str:
    """A file name without its ending: 2026-11-22-1234-a-panda-eating-tacos."""
    return "-".join(part for part in (day.isoformat(), str(seed), slug(prompt)) if part)


@dataclass(frozen=True, kw_only=True)
class NameParts:
    """What a picture's file can be named after. `count` is the picture's number in its job, from 1."""

    moment: datetime.datetime
    seed: int
    prompt: str
    model: str = ""
    width: int = 0
    height: int = 0
    steps: int = 0
    sampler: str = ""
    guidance: float = 0.0
    count: int = 1

    def texts(self) -> dict[str, str]:
        """The fields that a template may name."""
        return {
            "date": self.moment.date().isoformat(),
            "time": f"{self.moment:%H-%M-%S}",
            "seed": str(self.seed),
            "prompt": slug(self.prompt),
            "model": slug(self.model),
            "width": str(self.width),
            "height": str(self.height),
            "steps": str(self.steps),
            "sampler": slug(self.sampler),
            "guidance": f"{self.guidance:g}",
            "count": str(self.count),
        }


def check_template(template: str) -> str | None:
    """What is wrong with a file name's template, as a sentence, or None."""
    for name in _FIELD.findall(template):
        if name not in FIELDS:
            return f"There is nothing called {{{name}}}."
    left = _FIELD.sub("", template)
    if "{" in left or "}" in left:
        return "A brace has no partner."
    return None if _FIELD.search(template) else "Name at least one of the fields, such as {seed}."


def fill_template(template: str, parts: NameParts) -> str:
    """A file name without its ending, allowed on every system, of at most 140 bytes.

    A template that makes no name is as the usual one. Where it would be too long, the prompt gives way.
    """
    texts = parts.texts()
    stem = _safe(_FIELD.sub(lambda match: texts.get(match[1], ""), template))
    if len(stem.encode("utf-8", "replace")) > MAX_STEM_BYTES and texts["prompt"] in stem:
        stem = _safe(stem.replace(texts["prompt"], texts["prompt"][:16], 1))
    stem = _cut_to(stem, MAX_STEM_BYTES)
    if stem.split(".")[0].upper() in _RESERVED:
        return f"_{stem}"
    return stem or picture_stem(parts.moment.date(), parts.seed, parts.prompt)


def _safe(text: str) -> str:
    """Without what some system forbids in names, and without separators that stand alone."""
    kept = _FORBIDDEN.sub("-", unicodedata.normalize("NFC", text))
    return re.sub(r"-{2,}", "-", kept).strip(" .-_")


def _cut_to(text: str, limit: int) -> str:
    return text.encode("utf-8", "ignore")[:limit].decode("utf-8", "ignore").strip(" .-_")


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


FIELDS = tuple(NameParts(moment=datetime.datetime(2026, 1, 1), seed=0, prompt="").texts())
"""The names that may stand in braces in a template."""

"""The tags in a prompt that are not words: <lora:name:0.8>. Standard library only."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass

from backends.core.contract import InvalidRequest

_TAG = re.compile(r"\s*<lora:([^<>]*)>")
_MOST = 10.0


@dataclass(frozen=True)
class LoraTag:
    """A LoRA by name, and how much it counts."""

    name: str
    weight: float = 1.0

    def __str__(self) -> str:
        return f"<lora:{self.name}:{self.weight:g}>"


def split_tags(prompt: str) -> tuple[str, tuple[LoraTag, ...]]:
    """The words, and the LoRAs; of two of one name the last counts. Raises InvalidRequest."""
    tags = {tag.name: tag for tag in map(read_tag, _TAG.findall(prompt))}
    return _TAG.sub("", prompt), tuple(tag for tag in tags.values() if tag.weight)


def read_tag(text: str) -> LoraTag:
    """ "name:0.8", or "name". A weight for the text encoder, as in "name:0.8:0.5", is not told apart."""
    name, _, weights = text.partition(":")
    try:
        weight = float(weights.split(":")[0]) if weights else 1.0
    except ValueError:
        weight = float("nan")
    if not name.strip() or not abs(weight) <= _MOST:
        raise InvalidRequest(f"<lora:{text}> can't be read.", "Write it as <lora:name:0.8>.")
    return LoraTag(name.strip(), weight)


def with_tag(prompt: str, tag: LoraTag) -> str:
    """The prompt with this LoRA, in place of one of the same name."""
    return f"{without_tag(prompt, tag.name)} {tag}".strip()


def without_tag(prompt: str, name: str) -> str:
    """The prompt without the LoRA of this name."""
    return _TAG.sub(lambda match: "" if _name(match[1]) == name else match[0], prompt)


def weigh_tag(prompt: str, tag: LoraTag) -> str:
    """The prompt in which the LoRA of this name, where it stands already, counts this much."""
    return _TAG.sub(lambda match: _weighed(match, tag), prompt)


def tags_in(prompt: str) -> tuple[LoraTag, ...]:
    """The LoRAs that can be read, those that count nothing too; for a prompt that is being typed."""
    found: dict[str, LoraTag] = {}
    for text in _TAG.findall(prompt):
        with suppress(InvalidRequest):
            tag = read_tag(text)
            found[tag.name] = tag
    return tuple(found.values())


def as_word(*names: str) -> re.Pattern[str]:
    """Any of the names as a word of its own, the longest first; capitals don't matter, as in A1111."""
    listed = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.compile(rf"(?<!\w)({listed})(?!\w)", re.IGNORECASE)


def _name(text: str) -> str:
    return text.partition(":")[0].strip()


def _weighed(match: re.Match[str], tag: LoraTag) -> str:
    """With the space that stands before it."""
    written = match[0]
    return f"{written[: written.index('<')]}{tag}" if _name(match[1]) == tag.name else written

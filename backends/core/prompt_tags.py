"""The tags in a prompt that are not words: <lora:name:0.8>. Standard library only."""

from __future__ import annotations

import re
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
    kept = _TAG.sub(lambda match: "" if read_tag(match[1]).name == tag.name else match[0], prompt)
    return f"{kept} {tag}".strip()

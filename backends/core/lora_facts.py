"""What the files that a prompt can name say of themselves: for which models, and the words that call them.

Only headers and the small files beside them are read: A1111's `name.json` and Civitai's `name.civitai.info`.
Standard library only, so that the window can list hundreds of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from backends.core.contract import InvalidRequest
from backends.core.header import UNREADABLE, read_entries
from backends.core.lora_base import Shapes, base

_LONGEST_NOTE = 2**20
_MOST_WORDS = 6


@dataclass(frozen=True)
class Facts:
    """For which models a file is made ("" where nothing says so), its trigger words, its tensors' shapes."""

    base: str
    words: tuple[str, ...]
    shapes: Shapes


def read_facts(file: Path) -> Facts:
    """What a .safetensors file and the notes beside it say. Raises InvalidRequest for a damaged one."""
    try:
        told, shapes = _header(file)
    except UNREADABLE as error:
        raise InvalidRequest(f"{file.name} is damaged: its header can't be read.", "Get it again.") from error
    return Facts(base(told, shapes), _words(file, told), shapes)


def _header(file: Path) -> tuple[dict[str, str], dict[str, tuple[int, ...]]]:
    _, entries = read_entries(file)
    told = {key: value for key, value in entries.pop("__metadata__", {}).items() if isinstance(value, str)}
    return told, {name: tuple(map(int, entry["shape"])) for name, entry in entries.items()}


# --- Trigger words ------------------------------------------------------------------------------


def _words(file: Path, told: Mapping[str, str]) -> tuple[str, ...]:
    """Those that somebody wrote down as such, else the tags that its training pictures shared most."""
    of_a1111, of_civitai = (_note(file.with_suffix(ending)) for ending in (".json", ".civitai.info"))
    trained: object = of_civitai.get("trainedWords")
    named = cast(list[object], trained) if isinstance(trained, list) else []
    written = [of_a1111.get("activation text"), *named, told.get("modelspec.trigger_phrase")]
    phrases = [part for text in written if isinstance(text, str) for part in text.split(",")]
    return _first(phrases) or _first(_tags(told.get("ss_tag_frequency", "")))


def _note(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > _LONGEST_NOTE:
            return {}
        value: object = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
    return cast(Mapping[str, Any], value) if isinstance(value, dict) else {}


def _tags(text: str) -> list[str]:
    """kohya's counts of its training captions' tags, by folder of pictures; the most frequent first."""
    counts: dict[str, int] = {}
    try:
        folders: Any = json.loads(text)
        for tags in folders.values():
            for tag, count in tags.items():
                counts[tag] = counts.get(tag, 0) + int(count)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return []
    return sorted(counts, key=lambda tag: -counts[tag])


def _first(texts: Iterable[str]) -> tuple[str, ...]:
    """The first few, each once, on one line."""
    return tuple(dict.fromkeys(" ".join(text.split()) for text in texts if text.strip()))[:_MOST_WORDS]

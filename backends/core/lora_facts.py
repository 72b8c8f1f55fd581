"""What the files that a prompt can name say of themselves: for which models, and the words that call them.

Only headers and the small files beside them are read: A1111's `name.json` and Civitai's `name.civitai.info`.
Standard library only, so that the window can list hundreds of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from backends.core.contract import InvalidRequest
from backends.core.header import UNREADABLE, read_entries

_LONGEST_NOTE = 2**20
_MOST_WORDS = 6
_SPECIFIED = {
    "stable-diffusion-v1": "Stable Diffusion 1",
    "stable-diffusion-v2": "Stable Diffusion 2",
    "stable-diffusion-xl": "Stable Diffusion XL",
    "stable-diffusion-3": "Stable Diffusion 3",
    "flux": "FLUX",
}
_KOHYA = {
    "sd_v1": "Stable Diffusion 1",
    "sd_v2": "Stable Diffusion 2",
    "sdxl": "Stable Diffusion XL",
    "sd3": "Stable Diffusion 3",
    "flux": "FLUX",
}
_BY_WIDTH = {768: "Stable Diffusion 1", 1024: "Stable Diffusion 2", 2048: "Stable Diffusion XL"}
_TEXT_KEY = re.compile(r"attn2[._](?:processor\.)?to_k")
_OTHERS = {"double_blocks": "FLUX", "single_transformer_blocks": "FLUX", "joint_blocks": "Stable Diffusion 3"}

Shapes = Mapping[str, tuple[int, ...]]
"""Tensors' shapes by name."""


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
    return Facts(_base(told, shapes), _words(file, told), shapes)


def _header(file: Path) -> tuple[dict[str, str], dict[str, tuple[int, ...]]]:
    _, entries = read_entries(file)
    told = {key: value for key, value in entries.pop("__metadata__", {}).items() if isinstance(value, str)}
    return told, {name: tuple(map(int, entry["shape"])) for name, entry in entries.items()}


# --- For which models ---------------------------------------------------------------------------


def _base(told: Mapping[str, str], shapes: Shapes) -> str:
    written = told.get("modelspec.architecture", ""), told.get("ss_base_model_version", "")
    for text, known in zip(written, (_SPECIFIED, _KOHYA), strict=True):
        if name := next((name for start, name in known.items() if text.lower().startswith(start)), ""):
            return name
    if name := next((name for part, name in _OTHERS.items() if any(part in key for key in shapes)), ""):
        return name
    widths = (_width(key, shape) for key, shape in shapes.items() if _TEXT_KEY.search(key))
    return next((_BY_WIDTH[width] for width in widths if width in _BY_WIDTH), "")


def _width(key: str, shape: tuple[int, ...]) -> int:
    """How wide the text is that a cross-attention layer reads, from the factor that reads it."""
    reads = key.endswith((".lora_A.weight", "down.weight", "hada_w1_b", ".lora_A.default.weight"))
    return shape[1] if reads and len(shape) > 1 else 0


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

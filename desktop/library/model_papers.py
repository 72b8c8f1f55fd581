"""What a model's folder says of itself on paper: its hash and its licence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from backends.core.model_folder import ModelFolder

_README_BYTES = 4096


def written_sha256(folder: ModelFolder) -> str:
    """Of the file it was imported from, or of the denoiser, as far as that is written down; else ""."""
    if folder.change and folder.change.digest:
        return folder.model_hash()
    imported: object = folder.manifest.get("imported")
    if isinstance(imported, Mapping) and (told := str(cast(Mapping[str, Any], imported).get("sha256", ""))):
        return told
    if "unet" not in folder.parts:
        return ""
    (first, *_) = folder.weight_files("unet")
    listed = folder.manifest.get("files", {}).get(first.relative_to(folder.path).as_posix(), {})
    blob = first.resolve().name  # in a hub's cache a large file is named by its SHA-256
    return str(listed.get("sha256", "")) or (blob if re.fullmatch("[0-9a-f]{64}", blob) else "")


def made_sizes(folder: ModelFolder) -> tuple[tuple[int, int], ...]:
    """The only sizes a converted model makes, as its model.json has them; empty: any, or nobody knows."""
    conversion: object = folder.manifest.get(str(folder.manifest.get("made_for")))
    told: object = cast(Mapping[str, Any], conversion).get("sizes") if isinstance(conversion, dict) else None
    try:
        return tuple((int(width), int(height)) for width, height in cast(list[Any], told or []))
    except (TypeError, ValueError):
        return ()


def licence(folder: ModelFolder) -> str:
    """From our model.json, or from the card that the hub's folders have; else ""."""
    return str(folder.manifest.get("licence", "")) or _card_licence(folder.path / "README.md")


def _card_licence(card: Path) -> str:
    try:
        with card.open(encoding="utf-8", errors="replace") as file:
            front = file.read(_README_BYTES).partition("\n---")[0]
    except OSError:
        return ""
    told = dict(re.findall(r"^(license|license_name):[ \t]*(\S+)", front, re.MULTILINE))
    return str(told.get("license_name", "") or told.get("license", ""))

"""Recipes written as text: AUTOMATIC1111 and its kin, Draw Things, Mochi Diffusion."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from desktop.library.hires_text import SETTINGS as HIRES_SETTINGS
from desktop.library.metadata import as_object
from desktop.library.parameters import read_parameters, read_settings
from desktop.library.record import Record
from desktop.library.refiner_text import SETTINGS as REFINER_SETTINGS
from desktop.library.samplers_elsewhere import sampler_id
from desktop.library.vae_text import SETTINGS as VAE_SETTINGS

Found = tuple[str, Record, list[str]]
_DIGITS = re.compile(r"[0-9]{1,20}")
_SIZE = re.compile(r"(\d{1,6})\s*[x×]\s*(\d{1,6})")
_MAPPED = {
    "Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size", "Model", "Clip skip", "Version",
    "Model hash", "RNG",
}  # fmt: skip
_MOCHI = "Mochi Diffusion"
_MOCHI_MAPPED = {
    "Include in Image", "Exclude from Image", "Model", "Size", "Scheduler", "Seed", "Steps", "Guidance Scale",
    "Generator", "Date", "ML Compute Unit", "Metadata Version", "Engine", "Quality",
}  # fmt: skip
_DRAW_THINGS_IGNORED = {"c", "uc", "model", "sampler", "scale", "seed", "size", "steps", "v2", "profile"}
_NEWLINE_ESCAPES = {"n": "\n", "r": "\r", "\\": "\\"}


def automatic1111(texts: Mapping[str, str]) -> Found | None:
    """From a PNG's `parameters`, or a JPEG's or WebP's Exif UserComment."""
    text = texts.get("parameters") or texts.get("user_comment", "")
    settings = read_settings(text)
    if "Steps" not in settings and "parameters" not in texts:
        return None
    record = read_parameters(text)
    mapped = {*_MAPPED, *VAE_SETTINGS, *((*HIRES_SETTINGS, "Denoising strength") if record.hires else ())}
    mapped |= set(REFINER_SETTINGS if record.refiner else ())
    extras = [f"{name}: {value}" for name, value in settings.items() if name not in mapped]
    networks = re.findall(r"<\w{1,20}:[^<>]{1,200}>", record.prompt)
    return "AUTOMATIC1111", record, [*networks, *extras]


def draw_things(texts: Mapping[str, str]) -> Found | None:
    """From the JSON that Draw Things puts into the user comment (XMP in a PNG, Exif in a JPEG)."""
    entries = as_object(texts.get("user_comment", ""))
    if entries is None or not {"c", "uc"} & entries.keys():
        return None
    size = _SIZE.fullmatch(str(entries.get("size", "")))
    name = str(entries.get("sampler", ""))
    record = Record(
        prompt=str(entries.get("c", "")),
        negative_prompt=str(entries.get("uc", "")),
        model=_text(entries.get("model")),
        width=int(size[1]) if size else None,
        height=int(size[2]) if size else None,
        steps=_whole(entries.get("steps")),
        guidance_scale=_number(entries.get("scale")),
        sampler=sampler_id(name) or name or None,
        seed=_whole(entries.get("seed")),
        strength=None if _number(entries.get("strength")) == 1 else _number(entries.get("strength")),
    )
    return "Draw Things", record, _draw_things_extras(entries)


def _draw_things_extras(entries: Mapping[str, Any]) -> list[str]:
    extras = [
        f"{name}: {value}"
        for name, value in entries.items()
        if name not in _DRAW_THINGS_IGNORED and value not in (None, "", [], 0, False)
    ]
    return [each for each in extras if each not in ("strength: 1", "strength: 1.0")]


def mochi(texts: Mapping[str, str]) -> Found | None:
    """From the caption (IPTC), description (Exif) or description (XMP) that Mochi Diffusion writes.

    Its second format is one field a line, with escapes; the first joins fields with "; ".
    """
    for key in ("caption", "description"):
        if _MOCHI in texts.get(key, ""):
            return _read_mochi(texts[key])
    return None


def _read_mochi(text: str) -> Found:
    fields = _mochi_fields(text)
    size = _SIZE.match(fields.get("Size", ""))
    name = fields.get("Scheduler", "")
    record = Record(
        prompt=fields.get("Include in Image", fields.get("Prompt", "")),
        negative_prompt=fields.get("Exclude from Image", fields.get("Negative", "")),
        model=fields.get("Model"),
        width=int(size[1]) if size else None,
        height=int(size[2]) if size else None,
        steps=_whole(fields.get("Steps")),
        guidance_scale=_number(fields.get("Guidance Scale", fields.get("Guidance"))),
        sampler=sampler_id(name) or name or None,
        seed=_whole(fields.get("Seed")),
    )
    ignored = {*_MOCHI_MAPPED, "Prompt", "Negative", "Guidance"}
    return (
        _MOCHI,
        record,
        [f"{name}: {value}" for name, value in fields.items() if name not in ignored and value],
    )


def _mochi_fields(text: str) -> dict[str, str]:
    newer = text.startswith("Metadata Version: ")
    fields: dict[str, str] = {}
    for part in text.split("\n" if newer else "; "):
        name, colon, value = part.partition(":")
        value = value.removeprefix(" ")
        if colon:
            fields.setdefault(name.strip(), _unescape(value) if newer else value)
    return fields


def _unescape(text: str) -> str:
    return re.sub(r"\\([nr\\])", lambda match: _NEWLINE_ESCAPES[match[1]], text)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _whole(value: object) -> int | None:
    number = _number(value)
    return int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else _as_int(number)


def _as_int(number: float | None) -> int | None:
    return int(number) if number is not None and number == int(number) else None


def _number(value: object) -> float | None:
    try:
        number = float(value) if isinstance(value, int | float | str) else None
    except ValueError:
        return None
    return number if number is not None and abs(number) < 1e15 else None

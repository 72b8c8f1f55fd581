"""The text block by which AUTOMATIC1111's web UI and its kin describe a picture.

    prompt
    Negative prompt: ...
    Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512, Model hash: ..., Version: ...

It is kept in a PNG's `parameters` text. The format can't tell a prompt's own line that starts with
"Negative prompt:" from the real one, and drops spaces around lines: our own record is exact, this
is for other programs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from backends.core.contract import SAMPLERS
from desktop.library.hires_text import read_hires, write_hires
from desktop.library.record import Record
from desktop.library.refiner_text import read_refiner, write_refiner
from desktop.library.samplers_elsewhere import sampler_id
from desktop.library.vae_text import read_vae, write_vae

_NEGATIVE = "Negative prompt:"
_SETTING = re.compile(r'\s*(\w[\w \-/]{1,60}):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
_SIZE = re.compile(r"(\d{1,6})x(\d{1,6})")
_FEWEST_SETTINGS = 3


def write_parameters(record: Record) -> str:
    """The text block for a record."""
    prompt, negative = (text.replace("\0", " ") for text in (record.prompt, record.negative_prompt))
    negative_line = f"\n{_NEGATIVE} {negative}" if negative else ""
    settings = ", ".join(f"{name}: {_quote(value)}" for name, value in _settings(record))
    return f"{prompt}{negative_line}\n{settings}".strip()


def _settings(record: Record) -> Iterator[tuple[str, str]]:
    """Names and values in the order A1111 writes them. `RNG` says that the noise came from the CPU."""
    made = record.provenance
    yield "Steps", str(record.steps)
    yield "Sampler", SAMPLERS.get(record.sampler or "", str(record.sampler))
    yield "CFG scale", _number(record.guidance_scale or 0.0)
    yield "Seed", str(record.seed)
    yield "Size", f"{record.width}x{record.height}"
    if model_hash := made.get("model_hash"):
        yield "Model hash", model_hash[:10]
    yield "Model", made.get("model", record.model or "")
    yield from write_vae(record)
    if record.init_image is not None and record.strength is not None:
        yield "Denoising strength", _number(record.strength)
    if record.hires is not None and record.width and record.height:
        yield "Denoising strength", _number(record.hires.strength)
        yield from write_hires(record.hires, (record.width, record.height))
    if record.refiner is not None:
        yield from write_refiner(record.refiner, made.get("refiner", ""))
    if record.inpainting is not None and record.inpainting.mask:
        yield "Mask blur", str(record.inpainting.feather)
    if record.upscaled is not None:
        yield "Postprocess upscale by", _number(record.upscaled.scale)
        yield "Postprocess upscaler", record.upscaled.by
    if record.clip_skip:
        yield "Clip skip", str(record.clip_skip + 1)
    if used := made.get("additions"):
        yield "Lora hashes", used
    yield "RNG", "CPU"
    yield "Version", f"Mezzotint {made.get('mezzotint', '')}".strip()


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _quote(value: str) -> str:
    return json.dumps(value, ensure_ascii=False) if re.search(r"[,:\n]", value) else value


def _unquote(value: str) -> str:
    if len(value) < 2 or value[0] != '"' or value[-1] != '"':
        return value
    try:
        return str(json.loads(value))
    except ValueError:
        return value


def read_parameters(text: str) -> Record:
    """The record that a text block of any of these programs gives; None for what it doesn't say."""
    lines, settings = _split_settings(text)
    prompt, negative = _split_prompts(lines)
    return _record(prompt, negative, settings)


def read_settings(text: str) -> dict[str, str]:
    """The settings of such a text block by the names they have there; none when it ends in no such line."""
    return _split_settings(text)[1]


def _split_settings(text: str) -> tuple[list[str], dict[str, str]]:
    *lines, last = text.strip().split("\n")
    found = _SETTING.findall(last)
    if len(found) < _FEWEST_SETTINGS:
        return [*lines, last], {}
    return lines, {str(name): _unquote(str(value).strip()) for name, value in found}


def _split_prompts(lines: list[str]) -> tuple[str, str]:
    """A second line that starts with "Negative prompt:" only loses those words, as in A1111."""
    prompt: list[str] = []
    negative: list[str] = []
    target = prompt
    for line in map(str.strip, lines):
        if line.startswith(_NEGATIVE):
            target = negative
        target.append(line.removeprefix(_NEGATIVE).strip())
    return "\n".join(prompt), "\n".join(negative)


def _record(prompt: str, negative: str, settings: dict[str, str]) -> Record:
    size = _SIZE.fullmatch(settings.get("Size", ""))
    skip = _whole(settings.get("Clip skip"))
    steps, sides = _whole(settings.get("Steps")), (int(size[1]), int(size[2])) if size else (0, 0)
    enlarged = any(name.startswith("Hires") for name in settings)  # then the strength is of that
    kept = {"model_hash": "Model hash", "vae_hash": "VAE hash", "model": "Model", "program": "Version"}
    return Record(
        prompt=prompt,
        negative_prompt=negative,
        model=settings.get("Model"),
        width=int(size[1]) if size else None,
        height=int(size[2]) if size else None,
        steps=steps,
        guidance_scale=_decimal(settings.get("CFG scale")),
        sampler=_sampler(settings.get("Sampler", ""), settings.get("Schedule type", "")),
        seed=_whole(settings.get("Seed")),
        strength=None if enlarged else _decimal(settings.get("Denoising strength")),
        clip_skip=skip - 1 if skip else None,
        refiner=read_refiner(settings),
        hires=read_hires(settings, sides, steps) if all(sides) else None,
        vae=read_vae(settings),
        provenance={ours: settings[theirs] for ours, theirs in kept.items() if theirs in settings},
    )


def _sampler(name: str, schedule: str) -> str | None:
    """Our id; another program's sampler that we don't have keeps its name. A1111 1.9 moved "Karras" apart."""
    full = f"{name} {schedule}" if schedule.casefold() == "karras" else name
    return sampler_id(name, schedule) or full or None


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"\d{1,20}", text) else None


def _decimal(text: str | None) -> float | None:
    return float(text) if text is not None and re.fullmatch(r"\d{1,9}(\.\d{1,20})?", text) else None

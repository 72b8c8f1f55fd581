"""What may be written after `mezzotint compare`: a file with a request, and what is to make it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from backends.core.contract import InvalidRequest, Request, unknown
from backends.core.model_folder import read_facts
from desktop.cli.lora_options import add_lora
from desktop.cli.vae_options import add_vae
from desktop.library.models import STARTER, find_model

_TEXTS = ("prompt", "negative_prompt", "sampler", "vae")
_WHOLES = ("width", "height", "steps", "seed", "clip_skip")
_NUMBERS = ("guidance_scale",)
_KNOWN = ("model", *_TEXTS, *_WHOLES, *_NUMBERS)


@dataclass(frozen=True, kw_only=True)
class CompareOptions:
    """The options of `mezzotint compare`. `backends` None: every one that can run here."""

    request: str
    backends: str | None = None
    lora: list[str] = field(default_factory=list[str])
    vae: str | None = None
    json: bool = False


@dataclass(frozen=True)
class Runner:
    """A backend with its options: what one of the pictures is made by."""

    backend: str
    options: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def words(self) -> str:
        return ":".join([self.backend, *(f"{name}={value}" for name, value in self.options.items())])


def add_compare(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("request", metavar="FILE", help='a JSON file: {"prompt": "a fox", "seed": 7, "width": 512, ...}')
    add(
        "--backends",
        metavar="ID,ID,...",
        help="what to compare, the reference first; with options as in cpu_offload:precision=bfloat16",
    )
    add_lora(parser)
    add_vae(parser)
    add("--json", action="store_true", help="print one JSON object, for programs")


def parse_runners(text: str) -> list[Runner]:
    """ "cpu_offload,mps:option=value" -> runners. Raises InvalidRequest."""
    return [_parse_runner(words.strip()) for words in text.split(",")]


def _parse_runner(words: str) -> Runner:
    backend, *settings = words.split(":")
    pairs = [setting.partition("=") for setting in settings]
    if not backend or not all(name and sign and value for name, sign, value in pairs):
        raise InvalidRequest(
            f"{words!r} is not a backend with options.", "Write it like cpu_offload:memory=2GB."
        )
    return Runner(backend, {name: value for name, _, value in pairs})


def read_request(path: Path) -> tuple[Request, Path]:
    """The request in a JSON file, and its model's folder. What is not there suits the model; the seed is 0.

    Raises InvalidRequest when the file or an entry can't be used.
    """
    entries = _entries(path)
    model = find_model(_text(entries, "model", STARTER))
    values: dict[str, Any] = {**vars(read_facts(model.folder).defaults), "seed": 0, "model": model.name}
    values |= {name: _text(entries, name, "") for name in _TEXTS if name in entries}
    values |= {name: _number(entries, name) for name in (*_WHOLES, *_NUMBERS) if name in entries}
    return Request(**values), model.folder


def _entries(path: Path) -> dict[str, object]:
    try:
        value: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidRequest(
            f"{path} can't be read as JSON.", 'Write it like {"prompt": "a fox", "seed": 7}.'
        ) from error
    if not isinstance(value, dict):
        raise InvalidRequest(f"{path} does not hold a JSON object.", 'Write it like {"prompt": "a fox"}.')
    entries = cast(dict[str, object], value)
    for name in entries:
        if name not in _KNOWN:
            raise unknown("entry of a request", name, _KNOWN)
    return entries


def _text(entries: Mapping[str, object], name: str, otherwise: str) -> str:
    value = entries.get(name, otherwise)
    if not isinstance(value, str):
        raise InvalidRequest(f"The {name} must be text, and {value!r} is not.", "Put it in quotes.")
    return value


def _number(entries: Mapping[str, object], name: str) -> int | float:
    value = entries[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidRequest(
            f"The {name} must be a number, and {value!r} is not.", "Write it without quotes."
        )
    return float(value) if name in _NUMBERS else cast(int, value)

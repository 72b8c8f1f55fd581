"""LoRAs on the command line: `--lora name:0.8`, or a file anywhere."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from pathlib import Path

from backends.core import few_steps
from backends.core.contract import InvalidRequest
from backends.core.prompt_tags import LoraTag, read_tag
from desktop.library import paths

_ENDING = ".safetensors"
_WEIGHTED = re.compile(r"(.+):(-?\d*\.?\d+)")


def add_lora(parser: argparse.ArgumentParser) -> None:
    """The option, for commands that make pictures."""
    parser.add_argument(
        "--lora",
        metavar="NAME:WEIGHT",
        action="append",
        default=[],
        help="a LoRA by name or .safetensors file, this strong (1); may be given again",
    )


def loras_asked_for(texts: Iterable[str]) -> tuple[tuple[LoraTag, ...], tuple[Path, ...]]:
    """The tags that the prompt gets, and the files that were given as such. Raises InvalidRequest."""
    tags: list[LoraTag] = []
    files: list[Path] = []
    for text in texts:
        weighted = _WEIGHTED.fullmatch(text)
        name, weight = (weighted[1], weighted[2]) if weighted else (text, "")
        if name.lower().endswith(_ENDING):
            files.append(_file(name))
            name = files[-1].stem
        tags.append(read_tag(f"{name}:{weight or few_steps.usual_weight(name)}"))
    return tuple(tags), tuple(files)


def _file(name: str) -> Path:
    path = paths.expand(name).absolute()
    if not path.is_file():
        raise InvalidRequest(f"There is no LoRA {name}.", "Give a LoRA's .safetensors file, or its name.")
    if set(path.stem) & set("<>:"):
        raise InvalidRequest(f"{path.name} has a sign in its name that a prompt can't.", "Rename the file.")
    return path

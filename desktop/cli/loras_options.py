"""What may be written after `mezzotint loras`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field

LORAS = (
    "The files that a prompt can name: LoRAs as <lora:name:0.8>, embeddings by their name, and lists of "
    "wildcards as __name__. They are looked for in our own folders and in those that the settings name."
)


@dataclass(frozen=True, kw_only=True)
class LorasOptions:
    """The options of `mezzotint loras`. `model` None: the starter."""

    model: str | None = None
    models: list[str] = field(default_factory=list[str])
    json: bool = False


def add_loras(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--model", metavar="MODEL", help="say what fits this model (starter)")
    add("--models", metavar="FOLDER", action="append", default=[], help="also look in this folder")
    add("--json", action="store_true", help="print one JSON object, for programs")

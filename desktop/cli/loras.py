"""`mezzotint loras`: what a prompt can name besides words, for which models, and by which words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from desktop.additions_reading import look_around
from desktop.cli.loras_options import LorasOptions
from desktop.cli.show import printable
from desktop.library import paths
from desktop.library.models import STARTER, find_model
from desktop.model.additions import KINDS, AdditionCard, Found, Kind

_HEADS: dict[Kind, str] = {
    "lora": "LoRAs, written as <lora:name:0.8>",
    "embedding": "Embeddings, written by their name",
    "wildcard": "Lists of wildcards, written as __name__",
}


def run(options: LorasOptions) -> int:
    """Prints them. Returns 0; raises InvalidRequest for a model that is not there."""
    others = tuple(paths.expand(text) for text in options.models)
    model = find_model(options.model or STARTER, others)
    found = look_around(model.folder, others)
    print(json.dumps(_as_plain(found, model.name))) if options.json else _print(found, model.name)
    return 0


def _print(found: Found, model: str) -> None:
    for kind in KINDS:
        print(f"{_HEADS[kind]} (put more into {printable(str(found.folders[kind]))}):")
        cards = [card for card in found.cards if card.kind == kind]
        for card in cards:
            print(f"  {printable(card.name)}: {printable(', '.join(_facts(card, model)))}")
        if not cards:
            print("  none yet")


def _facts(card: AdditionCard, model: str) -> Iterator[str]:
    if card.problem:
        yield card.problem
        return
    if card.kind == "wildcard":
        yield "1 choice" if card.lines == 1 else f"{card.lines} choices"
        return
    yield card.base or "it names no kind of model"
    if card.fits is not None:
        yield f"fits {model}" if card.fits else f"not for {model}: {card.misfit}"
    yield from (sentence.rstrip(".") for sentence in card.left_out)
    if card.words:
        yield f"words: {', '.join(card.words)}"


def _as_plain(found: Found, model: str) -> dict[str, Any]:
    cards = [{**asdict(card), "path": str(card.path), "written": card.written} for card in found.cards]
    folders = {kind: str(folder) for kind, folder in found.folders.items()}
    return {"model": model, "folders": folders, "additions": cards}

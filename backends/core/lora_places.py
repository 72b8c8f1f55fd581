"""Where a layer of a LoRA's file is in a network: often one layer, at times the rows of several."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Piece:
    """A layer whose rows are some of a file's layer: all of them, or the `number`th of `of` equal shares."""

    layer: str
    number: int = 0
    of: int = 1


Place = tuple[Piece, ...]
"""Where a file's layer is in a network: in these pieces, whose rows follow each other in the file."""
Spans = tuple[tuple[int, int], ...]
"""Rows, from and up to."""


def is_one_layer(place: Place) -> bool:
    """Whether the file's layer is one of the network's, as it is."""
    return len(place) == 1


def spans(place: Place, rows: Callable[[str], int]) -> dict[str, Spans]:
    """The network's layers -> their rows in the file's, in their own order. `rows`: how many one has."""
    start, found = 0, dict[str, dict[int, tuple[int, int]]]()
    for piece in place:
        end = start + rows(piece.layer) // piece.of
        found.setdefault(piece.layer, {})[piece.number] = start, end
        start = end
    return {layer: tuple(shares[number] for number in sorted(shares)) for layer, shares in found.items()}

"""Words that count more or less: (words:1.2) in a prompt.

Only this explicit form is read; brackets without a number are text. The text encoder's output is moved
away from that of an empty prompt, or towards it, as ComfyUI does it. (AUTOMATIC1111's web UI multiplies
it and puts its mean back; with an encoder whose mean is near zero that ruins the picture.)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

_GROUP = re.compile(r"\(([^()]*):(\d+(?:\.\d+)?)\)")
_MOST = 10.0


@dataclass(frozen=True)
class Weighted:
    """Some words, and how much they count."""

    text: str
    weight: float = 1.0


def read_weights(text: str) -> list[Weighted]:
    """The text in pieces of one weight each, in order."""
    pieces: list[Weighted] = []
    end = 0
    for match in _GROUP.finditer(text):
        pieces += [Weighted(text[end : match.start()]), Weighted(match[1], min(float(match[2]), _MOST))]
        end = match.end()
    return [piece for piece in (*pieces, Weighted(text[end:])) if piece.text]


def without_weights(pieces: Sequence[Weighted]) -> str:
    """The plain words."""
    return "".join(piece.text for piece in pieces)


def token_weights(tokenizer: Any, pieces: Sequence[Weighted], limit: int) -> list[float]:
    """A weight for each of `limit` places: the start mark, the pieces' tokens, then ones."""
    weights = [1.0]
    for piece in pieces:
        ids = tokenizer(piece.text, add_special_tokens=False, truncation=False, verbose=False).input_ids
        weights += [piece.weight] * len(ids)
    weights = weights[: limit - 1]
    return weights + [1.0] * (limit - len(weights))


def weigh(hidden: Tensor, empty: Tensor, weights: Sequence[float]) -> Tensor:
    """(1, L, width), where place k lies weights[k] times as far from the empty prompt's as it did."""
    return empty + (hidden - empty) * hidden.new_tensor(weights)[None, :, None]

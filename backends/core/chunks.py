"""A prompt of any length as CLIP reads it: in chunks, each between a start and an end mark.

A chunk holds as many tokens as the encoder reads (75 of 77) and is encoded on its own; the results follow
each other along the token axis. BREAK, in capitals, ends a chunk early. This is how AUTOMATIC1111's web UI
documents it ("Infinite prompt length", "BREAK keyword").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backends.core.contract import Conditioning
from backends.core.emphasis import read_weights, weigh

if TYPE_CHECKING:
    from torch import Tensor

_BREAK = re.compile(r"\s*\bBREAK\b\s*")
_MARKS = 2


@dataclass(frozen=True)
class Token:
    """One token of a prompt: its number, how it is written, and how much it counts."""

    number: int
    text: str
    weight: float = 1.0


@dataclass(frozen=True)
class Chunk:
    """What the encoder reads at once: (1, L) token ids and attention mask, and a weight for each place."""

    ids: Tensor
    mask: Tensor
    weights: tuple[float, ...]


@dataclass(frozen=True)
class Reading:
    """A prompt as chunks, never none, and as an empty one; its tokens, each one's place in the result and
    how much it counts."""

    chunks: tuple[Chunk, ...]
    empty: Chunk
    tokens: tuple[str, ...]
    places: tuple[int, ...]
    weights: tuple[float, ...]


def read(tokenizer: Any, text: str) -> Reading:
    """The prompt's chunks. Weights like (words:1.2) count and are not read as words."""
    limit = int(tokenizer.model_max_length)
    filled = list(_filled(tokenizer, text, limit - _MARKS))
    placed = [(token, k * limit + at) for k, part in enumerate(filled) for at, token in enumerate(part, 1)]
    return Reading(
        chunks=tuple(_chunk(tokenizer, part, limit) for part in filled),
        empty=_chunk(tokenizer, [], limit),
        tokens=tuple(token.text for token, _ in placed),
        places=tuple(place for _, place in placed),
        weights=tuple(token.weight for token, _ in placed),
    )


def encode(reading: Reading, encoder: Callable[[Chunk], Tensor]) -> Tensor:
    """(1, chunks * L, width) from an encoder of one chunk, with the weights applied."""
    import torch

    found = [encoder(chunk) for chunk in reading.chunks]
    if any(weight != 1.0 for chunk in reading.chunks for weight in chunk.weights):
        empty = encoder(reading.empty)
        pairs = zip(found, reading.chunks, strict=True)
        found = [weigh(hidden, empty, chunk.weights) for hidden, chunk in pairs]
    return torch.cat(found, dim=1)


def as_long(
    tensors: Mapping[str, Tensor], others: Mapping[str, Tensor], empty: Callable[[], Mapping[str, Tensor]]
) -> dict[str, Tensor]:
    """The tensors, those of a shorter text filled up with empty chunks to the length of the others'."""
    import torch

    name = "encoder_hidden_states"
    missing = others[name].shape[1] - tensors[name].shape[1]
    if missing <= 0:
        return dict(tensors)
    filling = empty()[name]
    repeated = filling.repeat(1, missing // filling.shape[1], 1)
    return {**tensors, name: torch.cat([tensors[name], repeated], dim=1)}


def first_chunk(conditioning: Conditioning, limit: int) -> Conditioning:
    """For networks that take one chunk only: the tokens of the others are said to be cut."""
    name, kept = "encoder_hidden_states", sum(place < limit for place in conditioning.places)
    return Conditioning(
        {**conditioning.tensors, name: conditioning.tensors[name][:, :limit]},
        conditioning.tokens[:kept],
        conditioning.tokens[kept:],
        conditioning.places[:kept],
        conditioning.weights[:kept],
    )


def _filled(tokenizer: Any, text: str, room: int) -> Iterator[list[Token]]:
    """The tokens, so many at a time; what BREAK separates is never in one chunk."""
    for part in _parts(tokenizer, text):
        for start in range(0, max(len(part), 1), room):
            yield part[start : start + room]


def _parts(tokenizer: Any, text: str) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    for piece in read_weights(text):
        for number, words in enumerate(_BREAK.split(piece.text)):
            if number:
                parts.append([])
            parts[-1] += _tokens(tokenizer, words, piece.weight)
    return parts if parts[-1] or len(parts) == 1 else parts[:-1]


def _tokens(tokenizer: Any, text: str, weight: float) -> list[Token]:
    ids: Sequence[int] = tokenizer(text, add_special_tokens=False, truncation=False, verbose=False).input_ids
    written = tokenizer.convert_ids_to_tokens(ids)
    pairs = zip(ids, written, strict=True)
    return [Token(number, str(text).replace("</w>", ""), weight) for number, text in pairs]


def _chunk(tokenizer: Any, tokens: Sequence[Token], limit: int) -> Chunk:
    import torch

    padding = limit - _MARKS - len(tokens)
    ids = [tokenizer.bos_token_id, *(token.number for token in tokens), tokenizer.eos_token_id]
    weights = (1.0, *(token.weight for token in tokens), *(1.0,) * (padding + 1))
    return Chunk(
        torch.tensor([ids + [tokenizer.pad_token_id] * padding]),
        torch.tensor([[1] * len(ids) + [0] * padding]),
        weights,
    )

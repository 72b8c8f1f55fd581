"""A prompt as a language model reads it: as a turn of a chat, of at most so many tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Reading:
    """`ids` and `mask` (1, tokens) for the encoder; the prompt's `tokens` that are read, and those `cut`."""

    ids: Tensor
    mask: Tensor
    tokens: tuple[str, ...]
    cut: tuple[str, ...]


def read(tokenizer: Any, words: str, before: str, after: str, limit: int) -> Reading:
    """Filled up to `limit`. `before` and `after` are what the chat has around the words. What is beyond
    `limit` is cut at the end, as diffusers does it."""
    return _read(tokenizer, words, (before, after), limit, "max_length")


def read_alone(tokenizer: Any, words: str, before: str, after: str, limit: int) -> Reading:
    """The same, as long as it is."""
    return _read(tokenizer, words, (before, after), limit, "do_not_pad")


def _read(tokenizer: Any, words: str, around: tuple[str, str], limit: int, padding: str) -> Reading:
    import torch

    before, after = around
    read_as = tokenizer(before + words + after, padding=padding, truncation=True, max_length=limit)
    written = [tokenizer.decode([each]) for each in tokenizer(words).input_ids]
    kept = max(0, limit - len(tokenizer(before).input_ids))
    tokens = tuple(token.strip() or " " for token in written)
    ids, mask = torch.tensor([read_as.input_ids]), torch.tensor([read_as.attention_mask])
    return Reading(ids, mask, tokens[:kept], tokens[kept:])

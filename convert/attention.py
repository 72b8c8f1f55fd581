"""Attention, written the ways that Apple's compute units want it; each equals torch's own.

Two layouts. Rows: (B, S, C), tokens before channels, as torch has it; for the GPU. Columns: (B, C, 1, S),
which the Neural Engine keeps whole; heads are then done one after the other, so that no array is transposed
and none is larger than a core's cache (Apple, "Deploying Transformers on the Apple Neural Engine", 2022).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

Attend = Callable[[Tensor, Tensor, Tensor, int], Tensor]
"""Queries, keys, values and the number of heads -> attended values, shaped as the queries."""

QUERY_CHUNK: Final = 512


def original(queries: Tensor, keys: Tensor, values: Tensor, heads: int) -> Tensor:
    """All heads at once, in rows: two matrix products with the whole attention matrix between them."""
    return masked(queries, keys, values, heads, None)


def masked(queries: Tensor, keys: Tensor, values: Tensor, heads: int, mask: Tensor | None) -> Tensor:
    """As `original`, with a mask that is added to the scores; broadcast to (B, heads, S_q, S_k)."""
    q, k, v = (_heads(each, heads) for each in (queries, keys, values))
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    if mask is not None:
        scores = scores + mask
    return _joined(scores.softmax(dim=-1) @ v)


def fused(queries: Tensor, keys: Tensor, values: Tensor, heads: int) -> Tensor:
    """One operation, in rows: Core ML has it from macOS 15 on."""
    q, k, v = (_heads(each, heads) for each in (queries, keys, values))
    return _joined(functional.scaled_dot_product_attention(q, k, v))


def split_einsum(queries: Tensor, keys: Tensor, values: Tensor, heads: int) -> Tensor:
    """One head at a time, in columns."""
    return torch.cat(
        [_attend(q, k, v) for q, k, v in _each_head(queries, keys, values, heads)],
        dim=1,
    )


def split_einsum_chunked(queries: Tensor, keys: Tensor, values: Tensor, heads: int) -> Tensor:
    """One head and at most QUERY_CHUNK queries at a time, in columns; the last chunk may be shorter."""
    done = [
        torch.cat([_attend(part, k, v) for part in _chunks(q)], dim=3)
        for q, k, v in _each_head(queries, keys, values, heads)
    ]
    return torch.cat(done, dim=1)


def rows_to_columns(rows: Tensor) -> Tensor:
    """(B, S, C) -> (B, C, 1, S)."""
    return rows.transpose(1, 2).unsqueeze(2)


def columns_to_rows(columns: Tensor) -> Tensor:
    """(B, C, 1, S) -> (B, S, C)."""
    return columns.squeeze(2).transpose(1, 2)


def in_rows(attend: Attend) -> Attend:
    """An attention in columns, for arrays in rows."""

    def attend_rows(queries: Tensor, keys: Tensor, values: Tensor, heads: int) -> Tensor:
        q, k, v = (rows_to_columns(each) for each in (queries, keys, values))
        return columns_to_rows(attend(q, k, v, heads))

    return attend_rows


ROWS: Final[Mapping[str, Attend]] = {"original": original, "fused": fused}
COLUMNS: Final[Mapping[str, Attend]] = {
    "split-einsum": split_einsum,
    "split-einsum-chunked": split_einsum_chunked,
}


class Processor:
    """A diffusers attention processor that attends in one of our ways.

    For (B, S, C), and for the (B, C, H, W) with group norm and residual of a VAE's middle.
    """

    def __init__(self, name: str) -> None:
        self._attend = ROWS[name] if name in ROWS else in_rows(COLUMNS[name])

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: None = None,
        temb: None = None,
    ) -> Tensor:
        tokens = hidden_states.flatten(2).transpose(1, 2) if hidden_states.ndim == 4 else hidden_states
        if attn.group_norm is not None:
            tokens = attn.group_norm(tokens.transpose(1, 2)).transpose(1, 2)
        context = tokens if encoder_hidden_states is None else encoder_hidden_states
        seen = self._attend(attn.to_q(tokens), attn.to_k(context), attn.to_v(context), attn.heads)
        result = attn.to_out[0](seen)
        if hidden_states.ndim == 4:
            result = result.transpose(1, 2).reshape(hidden_states.shape)
        if attn.residual_connection:
            result = result + hidden_states
        return result / attn.rescale_output_factor


def _heads(rows: Any, heads: int) -> Tensor:
    """(B, S, C) -> (B, heads, S, C / heads)."""
    return rows.unflatten(2, (heads, -1)).transpose(1, 2)


def _joined(split: Tensor) -> Tensor:
    """(B, heads, S, D) -> (B, S, heads x D)."""
    return split.transpose(1, 2).flatten(2)


def _each_head(q: Any, k: Any, v: Any, heads: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Queries (B, D, 1, S_q), keys (B, S_k, 1, D) and values (B, D, 1, S_k) of each head.

    Keys are transposed once for all heads.
    """
    width = int(q.shape[1]) // heads
    queries, keys, values = (
        q.split(width, dim=1),
        k.transpose(1, 3).split(width, dim=3),
        v.split(width, dim=1),
    )
    return zip(queries, keys, values, strict=True)


def _chunks(q: Tensor) -> list[Tensor]:
    """QUERY_CHUNK queries each, the last what is left. (coremltools can't convert a split into one piece.)"""
    return [q[..., start : start + QUERY_CHUNK] for start in range(0, q.shape[3], QUERY_CHUNK)]


def _attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """One head: (B, D, 1, S_q), (B, S_k, 1, D), (B, D, 1, S_k) -> (B, D, 1, S_q)."""
    scores = torch.einsum("bchq,bkhc->bkhq", [q, k]) * k.shape[3] ** -0.5
    return torch.einsum("bkhq,bchk->bchq", [scores.softmax(dim=1), v])

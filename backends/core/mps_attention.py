"""Attention on Apple's GPU: by chunks of the queries, so that no array of scores grows too large.

One Metal array holds at most 2^32 bytes, and torch makes the whole array of scores, in float32
(pytorch#149261, #178545). A row of scores needs no other row, so chunks of queries change nothing.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

LONG = 3068
"""Above so many keys, half-precision attention has been measured to lose precision (pytorch PR #190791)."""
SCORE_BYTES = 512 * 2**20
"""The most that one chunk's scores take: an eighth of what Metal allows, to leave memory for the rest."""


class ChunkedAttention:
    """A diffusers attention processor, for UNets and VAEs. With `in_float32`, long half-precision attention
    is computed in float32."""

    def __init__(self, in_float32: bool, score_bytes: int = SCORE_BYTES) -> None:
        self._in_float32, self._score_bytes = in_float32, score_bytes

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
        **others: Any,
    ) -> Tensor:
        """What diffusers' AttnProcessor2_0 computes: tokens (B, N, C), or an image (B, C, H, W)."""
        tokens = _as_tokens(hidden_states)
        if attn.group_norm is not None:
            tokens = attn.group_norm(tokens.transpose(1, 2).contiguous()).transpose(1, 2)
        context = tokens if encoder_hidden_states is None else _context(attn, encoder_hidden_states)
        query = _split_heads(attn.to_q(tokens), attn.heads, attn.norm_q)
        key = _split_heads(attn.to_k(context), attn.heads, attn.norm_k)
        value = _split_heads(attn.to_v(context), attn.heads)
        mask = _mask(attn, attention_mask, context)
        mixed = self.attend(query, key, value, mask).transpose(1, 2).flatten(2)
        output = _as_before(attn.to_out[0](mixed), hidden_states)
        if attn.residual_connection:
            output = output + hidden_states
        return output / attn.rescale_output_factor

    def attend(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, heads, N, d), (B, heads, M, d) twice -> (B, heads, N, d)."""
        if self._in_float32 and key.shape[2] > LONG and query.dtype != torch.float32:
            return self._chunks(query.float(), key.float(), value.float(), mask).to(query.dtype)
        return self._chunks(query, key, value, mask)

    def _chunks(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        rows = max(1, self._score_bytes // (query.shape[0] * query.shape[1] * key.shape[2] * 4))
        if rows >= query.shape[2]:
            return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        starts = range(0, query.shape[2], rows)
        pieces = [query[:, :, start : start + rows].contiguous() for start in starts]
        mixed = [F.scaled_dot_product_attention(piece, key, value, attn_mask=mask) for piece in pieces]
        return torch.cat(mixed, dim=2)


def _as_tokens(hidden: Tensor) -> Tensor:
    return hidden if hidden.dim() == 3 else hidden.flatten(2).transpose(1, 2).contiguous()


def _as_before(tokens: Tensor, like: Tensor) -> Tensor:
    return tokens if like.dim() == 3 else tokens.transpose(1, 2).reshape(like.shape).contiguous()


def _context(attn: Any, hidden: Tensor) -> Tensor:
    return attn.norm_encoder_hidden_states(hidden) if attn.norm_cross else hidden


def _split_heads(tokens: Tensor, heads: int, norm: Any = None) -> Tensor:
    split = tokens.view(*tokens.shape[:2], heads, -1).transpose(1, 2)
    normed: Tensor = split if norm is None else norm(split)
    return normed.contiguous()


def _mask(attn: Any, mask: Tensor | None, context: Tensor) -> Tensor | None:
    """(B, heads, 1, M), added to the scores of every query."""
    if mask is None:
        return None
    prepared = attn.prepare_attention_mask(mask, context.shape[1], context.shape[0])
    return prepared.view(context.shape[0], attn.heads, -1, prepared.shape[-1])

"""Attention as one operation (iOS18), and einsum, which split-einsum attention is made of."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from convert.mil_reference.operations.values import Operation


def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None
) -> Tensor:
    """softmax(query keyᵀ / sqrt(E) + mask) value; a boolean mask says who takes part."""
    return functional.scaled_dot_product_attention(query, key, value, attn_mask)


def einsum(values: tuple[Tensor, ...], equation: str) -> Tensor:
    """Einstein's sum over two tensors."""
    return torch.einsum(equation, *values)


OPERATIONS: Final[dict[str, Operation]] = {
    "einsum": einsum,
    "scaled_dot_product_attention": scaled_dot_product_attention,
}

"""Linear layers whose weights bitsandbytes holds: LLM.int8 and nf4.

The library's own modules quantise when they are moved to a card and can't be built without memory; these
take a weight where it already is. Importing this file imports bitsandbytes.
"""

from __future__ import annotations

from typing import Any, cast

import bitsandbytes
import bitsandbytes.functional as functional
import torch
from torch import Tensor, nn

from backends.core.int8_weights import replace_weight

_OPS: Any = torch.ops.bitsandbytes
_BNB: Any = bitsandbytes
_FUNCTIONAL: Any = functional

OUTLIER = 6.0
"""Channels with inputs of at least this size stay in float16 (Dettmers et al. 2022, arXiv:2208.07339)."""


class LlmInt8Linear(nn.Linear):
    """Weights and inputs as int8, a scale a row of each, summed in int32. Made by `hold_int8`."""

    codes: Tensor
    maxima: Tensor
    outlier = OUTLIER

    def forward(self, input: Tensor) -> Tensor:
        rows = input.reshape(-1, self.in_features).to(torch.float16)
        codes, maxima, outliers = _FUNCTIONAL.int8_vectorwise_quant(rows, threshold=self.outlier)
        output = self._product(rows, codes, maxima, outliers)
        return output.to(input.dtype).view(*input.shape[:-1], self.out_features)

    def _product(self, rows: Tensor, codes: Tensor, maxima: Tensor, outliers: Tensor | None) -> Tensor:
        bias = _bias(self, rows.dtype)
        if outliers is None:
            return _OPS.int8_scaled_mm(codes, self.codes, maxima, self.maxima, bias=bias, dtype=rows.dtype)
        mixed = _OPS.int8_mixed_scaled_mm(rows, codes, self.codes, maxima, self.maxima, outliers, bias)
        return mixed[0]


class Nf4Linear(nn.Linear):
    """Weights as 4-bit normal floats, a scale for 64 of them (Dettmers et al. 2023, arXiv:2305.14314)."""

    codes: Tensor
    state: Any

    def forward(self, input: Tensor) -> Tensor:
        bias = _bias(self, input.dtype)
        return cast(Tensor, _BNB.matmul_4bit(input, self.codes, quant_state=self.state, bias=bias))


def _bias(layer: Any, dtype: torch.dtype) -> Tensor | None:
    return None if layer.bias is None else layer.bias.to(dtype)


def hold_int8(layer: nn.Module, weight: Tensor) -> None:
    """Gives a linear layer this weight for LLM.int8, on the weight's device."""
    codes, maxima, _ = _FUNCTIONAL.int8_vectorwise_quant(weight.to(torch.float16))
    replace_weight(layer, LlmInt8Linear, {"codes": codes, "maxima": maxima})


def hold_nf4(layer: nn.Module, weight: Tensor) -> None:
    """Gives a linear layer this weight as nf4, on the weight's device."""
    codes, state = _FUNCTIONAL.quantize_4bit(weight.contiguous(), quant_type="nf4")
    replace_weight(layer, Nf4Linear, {"codes": codes})
    cast(Nf4Linear, layer).state = state

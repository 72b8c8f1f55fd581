"""Weights kept as int8, a scale an output channel, and multiplied out when the layer runs.

Symmetric and by the channel's largest value: `weight = codes * scale`, so a rounding error is at most
half a scale. Arithmetic stays what it was; only memory is saved (a quarter of float32, half of float16).
bitsandbytes does this for linear layers alone, and SD 1.5's UNet is two thirds convolutions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn

_LARGEST = 127


def quantise(weight: Tensor) -> tuple[Tensor, Tensor]:
    """(out, ...) -> int8 codes of the same shape, and float32 scales (out,); 0 for a channel of zeros."""
    rows = weight.detach().float().flatten(1)
    scales = rows.abs().amax(dim=1) / _LARGEST
    divisors = torch.where(scales > 0, scales, torch.ones_like(scales))
    codes = (rows / divisors[:, None]).round_().clamp_(-_LARGEST, _LARGEST)
    return codes.to(torch.int8).view(weight.shape), scales


def dequantise(codes: Tensor, scales: Tensor, dtype: torch.dtype) -> Tensor:
    """The weight in this type. Multiplied in float32: a scale can be too small for float16."""
    weight = torch.empty(codes.shape, dtype=dtype, device=codes.device)
    return torch.mul(codes, scales.view(-1, *[1] * (codes.dim() - 1)), out=weight)


class Int8Conv2d(nn.Conv2d):
    """nn.Conv2d whose weight is int8. Made by `hold`."""

    codes: Tensor
    scales: Tensor

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, dequantise(self.codes, self.scales, input.dtype), self.bias)


class Int8Linear(nn.Linear):
    """nn.Linear whose weight is int8. Made by `hold`."""

    codes: Tensor
    scales: Tensor

    def forward(self, input: Tensor) -> Tensor:
        weight = dequantise(self.codes, self.scales, input.dtype)
        return nn.functional.linear(input, weight, self.bias)


_CLASSES: dict[type[nn.Module], type[nn.Module]] = {nn.Conv2d: Int8Conv2d, nn.Linear: Int8Linear}


def can_hold(layer: nn.Module) -> bool:
    """Whether `hold` knows this kind of layer."""
    return type(layer) in _CLASSES


def hold(layer: nn.Module, weight: Tensor) -> None:
    """Gives the layer this weight as int8, on the weight's device. The layer's own weight goes."""
    codes, scales = quantise(weight)
    replace_weight(layer, _CLASSES[type(layer)], {"codes": codes, "scales": scales})


def replace_weight(layer: nn.Module, kind: type[nn.Module], buffers: dict[str, Tensor]) -> None:
    """Makes the layer one of this kind, with buffers in place of its weight."""
    layer.__class__ = kind
    layer.register_parameter("weight", None)
    for name, buffer in buffers.items():
        layer.register_buffer(name, buffer, persistent=False)


def holders(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The layers, by name, whose weights can be held as int8."""
    named = cast(Iterator[tuple[str, nn.Module]], module.named_modules())
    yield from [(name, layer) for name, layer in named if can_hold(layer)]

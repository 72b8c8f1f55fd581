"""Convolutions, matrix products and pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from convert.mil_reference.operations.values import Operation, flags, ints

_CONVOLUTIONS: Final[dict[int, Any]] = {3: functional.conv1d, 4: functional.conv2d, 5: functional.conv3d}
_AVERAGES: Final[dict[int, Any]] = {
    3: functional.avg_pool1d,
    4: functional.avg_pool2d,
    5: functional.avg_pool3d,
}


def conv(
    x: Tensor,
    weight: Tensor,
    strides: Tensor,
    pad_type: str,
    pad: Tensor,
    dilations: Tensor,
    groups: Tensor,
    bias: Tensor | None = None,
) -> Tensor:
    """Convolution over one to three spatial dimensions; `weight` is (out, in / groups, *kernel)."""
    stride, dilation = ints(strides), ints(dilations)
    reach = [(size - 1) * step + 1 for size, step in zip(weight.shape[2:], dilation, strict=True)]
    padded = functional.pad(x, _padding(x, reach, stride, pad_type, ints(pad)))
    function = _CONVOLUTIONS[x.ndim]
    return function(padded, weight, bias, stride, 0, dilation, int(groups))


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x weightᵀ + bias; `weight` is (out, in)."""
    return functional.linear(x, weight, bias)


def matmul(x: Tensor, y: Tensor, transpose_x: Tensor, transpose_y: Tensor) -> Tensor:
    """The matrix product over the last two axes, the others broadcast."""
    left = x.transpose(-1, -2) if bool(transpose_x) and x.ndim > 1 else x
    right = y.transpose(-1, -2) if bool(transpose_y) and y.ndim > 1 else y
    return torch.matmul(left, right)


def avg_pool(
    x: Tensor,
    kernel_sizes: Tensor,
    strides: Tensor,
    pad_type: str,
    pad: Tensor,
    exclude_padding_from_average: Tensor,
    ceil_mode: Tensor,
) -> Tensor:
    """The mean of each window; padding counts as zeros, or not at all."""
    kernel, stride = ints(kernel_sizes), ints(strides)
    if flags(ceil_mode, 1)[0]:
        raise ValueError("avg_pool with ceil_mode is not known")
    sides = _padding(x, kernel, stride, pad_type, ints(pad))
    function = _AVERAGES[x.ndim]
    mean: Tensor = function(functional.pad(x, sides), kernel, stride)
    if not flags(exclude_padding_from_average, 1)[0]:
        return mean
    share: Tensor = function(functional.pad(torch.ones_like(x), sides), kernel, stride)
    return mean / share


def _padding(
    x: Tensor, reach: Sequence[int], stride: Sequence[int], pad_type: str, pad: Sequence[int]
) -> list[int]:
    """Elements before and after each spatial dimension, the last first, as torch wants them."""
    pairs = {
        "valid": lambda: [(0, 0)] * len(reach),
        "custom": lambda: list(zip(pad[::2], pad[1::2], strict=True)),
        "same": lambda: _same(x, reach, stride),
        "same_lower": lambda: [(after, before) for before, after in _same(x, reach, stride)],
    }[pad_type]()
    return [side for pair in reversed(pairs) for side in pair]


def _same(x: Tensor, reach: Sequence[int], stride: Sequence[int]) -> list[tuple[int, int]]:
    """So that the result has ceil(size / stride) elements; an odd one goes to the end."""
    pairs: list[tuple[int, int]] = []
    for size, window, step in zip(x.shape[2:], reach, stride, strict=True):
        total = max((-(-size // step) - 1) * step + window - size, 0)
        pairs.append((total // 2, total - total // 2))
    return pairs


OPERATIONS: Final[dict[str, Operation]] = {
    "avg_pool": avg_pool,
    "conv": conv,
    "linear": linear,
    "matmul": matmul,
}

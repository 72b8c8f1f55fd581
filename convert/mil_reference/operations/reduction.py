"""Reductions along axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from convert.mil_reference.operations.values import Operation, axes_of


def reduce(function: Callable[[Tensor, tuple[int, ...], bool], Tensor]) -> Operation:
    """A torch reduction, as an operation of `x`, `axes` (absent: all) and `keep_dims`."""

    def operation(x: Tensor, keep_dims: Tensor, axes: Tensor | None = None) -> Tensor:
        return function(x, axes_of(axes, x.ndim), bool(keep_dims))

    return operation


def place(function: Callable[[Tensor, int, bool], Tensor]) -> Operation:
    """A torch search for a place, as an operation of `x`, one `axis` and `keep_dims`."""

    def operation(x: Tensor, axis: Tensor, keep_dims: Tensor, output_dtype: str = "int32") -> Tensor:
        return function(x, int(axis), bool(keep_dims))

    return operation


def _l2_norm(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    return (x * x).sum(axes, keepdim=keep).sqrt()


def _sum_square(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    return (x * x).sum(axes, keepdim=keep)


def _sum(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    return torch.sum(x, axes, keepdim=keep)


def cumsum(x: Tensor, axis: Tensor, exclusive: Tensor, reverse: Tensor) -> Tensor:
    """The running sum along an axis, from either end, with or without the element itself."""
    along = int(axis)
    ordered = x.flip(along) if bool(reverse) else x
    total = torch.cumsum(ordered, along)
    total = total - ordered if bool(exclusive) else total
    return total.flip(along) if bool(reverse) else total


OPERATIONS: Final[dict[str, Operation]] = {
    "cumsum": cumsum,
    "reduce_argmax": place(torch.argmax),
    "reduce_argmin": place(torch.argmin),
    "reduce_l2_norm": reduce(_l2_norm),
    "reduce_log_sum_exp": reduce(torch.logsumexp),
    "reduce_max": reduce(torch.amax),
    "reduce_mean": reduce(torch.mean),
    "reduce_min": reduce(torch.amin),
    "reduce_sum": reduce(_sum),
    "reduce_sum_square": reduce(_sum_square),
}

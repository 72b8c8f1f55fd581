"""What operations share: reading small tensors as Python's numbers, and torch functions under MIL's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

Operation = Callable[..., Tensor | tuple[Tensor, ...]]


def to_tensor(array: Any) -> Tensor:
    """A NumPy array, or a number, as the interpreter keeps it: float32, int64, bool; 8 bits as they are."""
    found = np.asarray(array)
    if found.dtype.kind == "f":
        found = found.astype(np.float32)
    elif found.dtype.kind in "iu" and found.dtype.itemsize > 1:
        found = found.astype(np.int64)
    return torch.as_tensor(np.array(found, order="C"))


def ints(value: Tensor) -> list[int]:
    """A vector, or a single number, of integers."""
    return [int(each) for each in _listed(value)]


def flags(value: Tensor | None, length: int) -> list[bool]:
    """A vector of booleans; absent means all false."""
    return [False] * length if value is None else [bool(each) for each in _listed(value)]


def axes_of(value: Tensor | None, rank: int) -> tuple[int, ...]:
    """Axes counted from the front; absent means all."""
    return tuple(range(rank)) if value is None else tuple(axis % rank for axis in ints(value))


def one(function: Callable[[Tensor], Tensor]) -> Operation:
    """A torch function of one tensor, as an operation of `x`."""

    def operation(x: Tensor) -> Tensor:
        return function(x)

    return operation


def two(function: Callable[[Tensor, Tensor], Tensor]) -> Operation:
    """A torch function of two tensors, as an operation of `x` and `y`."""

    def operation(x: Tensor, y: Tensor) -> Tensor:
        return function(x, y)

    return operation


def _listed(value: Tensor) -> list[float]:
    flat: Any = value.reshape(-1)
    return flat.tolist()

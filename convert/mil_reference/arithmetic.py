"""How numbers are kept between operations: as float32, or rounded to what the program says.

Values are torch tensors on the CPU. Floats are always held in float32 and each operation computes in float32,
so that "fp16" means operands and results on fp16's grid and accumulation in fp32, as Core ML's GPU and
Neural Engine kernels do at best. Integers are held in int64, packed bytes (8 bits and below) as they are.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import torch
from torch import Tensor

from convert.mil_reference.operations.values import to_tensor
from convert.mil_reference.program import Constant

FP16_MAX: Final = 65504.0


class Arithmetic(StrEnum):
    """FP32 takes every fp16 in the program for fp32; FP16 rounds each value to its declared type."""

    FP32 = "fp32"
    FP16 = "fp16"

    def keep(self, value: Tensor, dtype: str) -> Tensor:
        """`value` as the declared type is kept: floats in float32, on fp16's grid where that is asked."""
        if dtype == "fp16" and self is Arithmetic.FP16:
            return value.to(torch.float16).to(torch.float32)
        if dtype in ("fp16", "fp32"):
            return value.to(torch.float32)
        return value.to(torch.int64) if dtype in ("int16", "uint16", "int32", "int64") else value


class Weights:
    """The constants of a program and the weights unpacked from them, as tensors.

    Tensors are kept up to `budget` bytes, first come, first kept, as each run needs all of them in the same
    order; beyond that they are made again at every use.
    """

    def __init__(self, budget: int) -> None:
        self._left = budget
        self._kept: dict[int, Tensor | str] = {}

    def constant(self, constant: Constant) -> Tensor | str:
        """The constant as a tensor, or the string that it is."""
        if isinstance(constant.data, str):
            return constant.data
        found = self._kept.get(constant.key)
        if found is None:
            found = to_tensor(constant.data)
            self.keep(constant.key, found)
        return found

    def find(self, key: int) -> Tensor | str | None:
        """An unpacked weight that was kept."""
        return self._kept.get(key)

    def keep(self, key: int, value: Tensor) -> None:
        """Keeps a tensor while the budget lasts."""
        if value.nbytes <= self._left:
            self._left -= value.nbytes
            self._kept[key] = value

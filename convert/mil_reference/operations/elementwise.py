"""Element by element: arithmetic, comparison, logic, casts."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from convert.mil_reference.operations.values import Operation, one, two

_INTEGER_TYPES = {"int8": torch.int8, "uint8": torch.uint8, "int16": torch.int16, "uint16": torch.uint16}


def cast(x: Tensor, dtype: str) -> Tensor:
    """To another type. Rounding to fp16 is the machine's, by the result's type; integers lose fractions."""
    if dtype in ("fp16", "fp32"):
        return x.to(torch.float32)
    if dtype == "bool":
        return x != 0
    whole = x.to(torch.int64)
    return whole.to(_INTEGER_TYPES[dtype]) if dtype in _INTEGER_TYPES else whole


def clip(x: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
    """Between alpha and beta."""
    return torch.clamp(x, alpha, beta)


def floor_div(x: Tensor, y: Tensor) -> Tensor:
    """The quotient, rounded down."""
    return torch.div(x, y, rounding_mode="floor")


def inverse(x: Tensor, epsilon: Tensor) -> Tensor:
    """1 / (x + epsilon)."""
    return 1 / (x + epsilon)


def log(x: Tensor, epsilon: Tensor) -> Tensor:
    """The natural logarithm of x + epsilon."""
    return torch.log(x + epsilon)


def rsqrt(x: Tensor, epsilon: Tensor) -> Tensor:
    """1 / sqrt(x + epsilon)."""
    return torch.rsqrt(x + epsilon)


def select(cond: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """`a` where the condition holds, `b` elsewhere."""
    return torch.where(cond, a, b)


def threshold(x: Tensor, alpha: Tensor) -> Tensor:
    """The larger of x and alpha."""
    return torch.maximum(x, alpha)


OPERATIONS: Final[dict[str, Operation]] = {
    "abs": one(torch.abs),
    "add": two(torch.add),
    "cast": cast,
    "ceil": one(torch.ceil),
    "clip": clip,
    "cos": one(torch.cos),
    "equal": two(torch.eq),
    "erf": one(torch.erf),
    "exp": one(torch.exp),
    "exp2": one(torch.exp2),
    "floor": one(torch.floor),
    "floor_div": floor_div,
    "greater": two(torch.gt),
    "greater_equal": two(torch.ge),
    "identity": one(torch.clone),
    "inverse": inverse,
    "less": two(torch.lt),
    "less_equal": two(torch.le),
    "log": log,
    "logical_and": two(torch.logical_and),
    "logical_not": one(torch.logical_not),
    "logical_or": two(torch.logical_or),
    "logical_xor": two(torch.logical_xor),
    "maximum": two(torch.maximum),
    "minimum": two(torch.minimum),
    "mod": two(torch.remainder),
    "mul": two(torch.mul),
    "not_equal": two(torch.ne),
    "pow": two(torch.pow),
    "real_div": two(torch.div),
    "round": one(torch.round),
    "rsqrt": rsqrt,
    "select": select,
    "sign": one(torch.sign),
    "sin": one(torch.sin),
    "sqrt": one(torch.sqrt),
    "square": one(torch.square),
    "sub": two(torch.sub),
    "tanh": one(torch.tanh),
    "threshold": threshold,
}

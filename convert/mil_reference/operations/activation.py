"""Activations."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from convert.mil_reference.operations.values import Operation, one


def gelu(x: Tensor, mode: str) -> Tensor:
    """Exact, or by tanh, or by the sigmoid (CLIP's "quick" GELU)."""
    if mode == "SIGMOID_APPROXIMATION":
        return x * torch.sigmoid(1.702 * x)
    return functional.gelu(x, approximate="tanh" if mode == "TANH_APPROXIMATION" else "none")


def leaky_relu(x: Tensor, alpha: Tensor) -> Tensor:
    """x, or alpha * x below zero."""
    return functional.leaky_relu(x, float(alpha))


def softmax(x: Tensor, axis: Tensor) -> Tensor:
    """Along one axis."""
    return torch.softmax(x, int(axis))


def softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x)), without overflow."""
    return torch.logaddexp(x, torch.zeros_like(x))


OPERATIONS: Final[dict[str, Operation]] = {
    "gelu": gelu,
    "leaky_relu": leaky_relu,
    "relu": one(functional.relu),
    "sigmoid": one(torch.sigmoid),
    "silu": one(functional.silu),
    "softmax": softmax,
    "softplus": softplus,
}

"""Does a device compute what the CPU computes? Asked once, when a backend starts.

Each check runs one operation as the networks use it, small, on the device and on the CPU. A check that
fails and has a remedy is run once more with it. It takes well under a second.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from backends.core.mps_quirks import Remedy

_HALF, _FULL = 2e-2, 1e-3
"""The largest differences allowed, as shares of the largest number: rounding makes a tenth of them."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """An operation: `run` computes it from arrays that it is given on some device.

    `inputs` are made on the CPU in float32. `remedied` is the same operation with the remedy in place.
    """

    words: str
    inputs: Callable[[torch.Generator], tuple[Tensor, ...]]
    run: Callable[..., Tensor]
    dtype: torch.dtype = torch.float32
    remedy: Remedy | None = None
    remedied: Callable[..., Tensor] | None = None

    @property
    def tolerance(self) -> float:
        return _FULL if self.dtype == torch.float32 else _HALF


@dataclass(frozen=True)
class Findings:
    """What the self-test found: remedies that are needed and help, and what is wrong in spite of them."""

    remedies: frozenset[Remedy]
    wrong: tuple[str, ...]


def examine(device: torch.device, checks: Sequence[Check] | None = None) -> Findings:
    """Runs the checks on the device."""
    remedies: set[Remedy] = set()
    wrong: list[str] = []
    for check in CHECKS if checks is None else checks:
        if difference(check, check.run, device) <= check.tolerance:
            continue
        if check.remedy and check.remedied and difference(check, check.remedied, device) <= check.tolerance:
            remedies.add(check.remedy)
        else:
            wrong.append(check.words)
    return Findings(frozenset(remedies), tuple(wrong))


@torch.inference_mode()
def difference(check: Check, run: Callable[..., Tensor], device: torch.device) -> float:
    """The largest difference from the CPU's float32, as a share of the largest number. NaN is infinite."""
    inputs = check.inputs(torch.Generator().manual_seed(0))
    expected = check.run(*inputs)
    actual = run(*(tensor.to(device, check.dtype) for tensor in inputs)).float().cpu()
    error = float((actual - expected).abs().max() / expected.abs().max())
    return math.inf if math.isnan(error) else error


def _random(*shapes: tuple[int, ...]) -> Callable[[torch.Generator], tuple[Tensor, ...]]:
    return lambda generator: tuple(torch.randn(shape, generator=generator) for shape in shapes)


def _attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(query, key, value)


def _attention_in_float32(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return _attention(query.float(), key.float(), value.float()).to(query.dtype)


def _causal_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(query, key, value, is_causal=True)


def _convolution(input: Tensor, weight: Tensor) -> Tensor:
    return F.conv2d(input, weight, padding=1)


def _convolution_of_a_view(input: Tensor, weight: Tensor) -> Tensor:
    return F.conv2d(input.chunk(2, dim=1)[1], weight, padding=1)


def _convolution_of_a_copied_view(input: Tensor, weight: Tensor) -> Tensor:
    return F.conv2d(input.chunk(2, dim=1)[1].contiguous(), weight, padding=1)


def _linear(input: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return F.linear(input, weight, bias)


def _group_norm(input: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return F.silu(F.group_norm(input, 8, weight, bias, 1e-5))


def _enlarged(input: Tensor) -> Tensor:
    return F.interpolate(input, scale_factor=2.0, mode="nearest")


_SELF, _CROSS = ((2, 2, 256, 40),) * 3, ((2, 2, 256, 40), (2, 2, 77, 40), (2, 2, 77, 40))
_LONG = ((1, 1, 64, 40), (1, 1, 8192, 40), (1, 1, 8192, 40))
CHECKS = (
    Check(words="attention", inputs=_random(*_SELF), run=_attention, dtype=torch.float16),
    Check(words="attention to a prompt", inputs=_random(*_CROSS), run=_attention, dtype=torch.float16),
    Check(
        words="attention to many places",
        inputs=_random(*_LONG),
        run=_attention,
        dtype=torch.float16,
        remedy=Remedy.FLOAT32_ATTENTION,
        remedied=_attention_in_float32,
    ),
    Check(words="causal attention", inputs=_random(*((1, 2, 77, 64),) * 3), run=_causal_attention),
    Check(words="a convolution", inputs=_random((2, 16, 32, 32), (16, 16, 3, 3)), run=_convolution),
    Check(
        words="a convolution in half precision",
        inputs=_random((2, 16, 32, 32), (16, 16, 3, 3)),
        run=_convolution,
        dtype=torch.float16,
    ),
    Check(
        words="a convolution on a view",
        inputs=_random((2, 16, 32, 32), (8, 8, 3, 3)),
        run=_convolution_of_a_view,
        dtype=torch.float16,
        remedy=Remedy.CONTIGUOUS,
        remedied=_convolution_of_a_copied_view,
    ),
    Check(
        words="a linear layer",
        inputs=_random((2, 64, 96), (128, 96), (128,)),
        run=_linear,
        dtype=torch.float16,
    ),
    Check(
        words="group normalisation",
        inputs=_random((2, 64, 32, 32), (64,), (64,)),
        run=_group_norm,
        dtype=torch.float16,
    ),
    Check(words="enlarging", inputs=_random((2, 8, 16, 16)), run=_enlarged, dtype=torch.float16),
)

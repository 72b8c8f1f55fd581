"""How far two runs are apart, and where they part: as numbers, layer by layer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from convert.mil_reference.arithmetic import Arithmetic
from convert.mil_reference.machine import Network

Arrays = Mapping[str, NDArray[Any]]


def psnr(got: NDArray[Any], want: NDArray[Any]) -> float:
    """Peak signal-to-noise ratio in dB: the largest wanted magnitude over the root mean square error.

    As Apple's converter reports it (ml-stable-diffusion, torch2coreml.py); infinite for equal arrays, minus
    infinite when `got` holds NaN or infinity.
    """
    exact = want.astype(np.float64)
    error = float(np.sqrt(np.mean(np.square(got.astype(np.float64) - exact)))) if got.size else 0.0
    if not math.isfinite(error):
        return -math.inf
    peak = float(np.abs(exact).max()) if exact.size else 0.0
    return 20 * math.log10(max(peak, 1e-30) / error) if error else math.inf


@dataclass(frozen=True)
class Drift:
    """What fp16's rounding has done to one layer's result, all layers before it rounded too.

    `largest` is the largest magnitude in fp32; `overflows` says that fp16 can't hold it.
    """

    place: int
    layer: str
    kind: str
    psnr: float
    largest: float
    overflows: bool


def drifts(network: Network, inputs: Arrays) -> Iterator[Drift]:
    """Layer by layer, the rounded run beside the fp32 run of the same program, step for step."""
    exact_run = network.trace(inputs, Arithmetic.FP32)
    rounded_run = network.trace(inputs, Arithmetic.FP16)
    for place, (exact, rounded) in enumerate(zip(exact_run, rounded_run, strict=True)):
        for got, want in zip(rounded.results, exact.results, strict=True):
            if want.is_floating_point() and want.numel():
                yield _drift(place, exact.instruction.name, exact.instruction.kind, got, want)


def first_beyond(network: Network, inputs: Arrays, bound: float) -> Drift | None:
    """The first layer whose rounded result is less than `bound` dB from its fp32 result."""
    return next((each for each in drifts(network, inputs) if each.psnr < bound), None)


def _drift(place: int, layer: str, kind: str, got: Tensor, want: Tensor) -> Drift:
    overflows = bool(torch.isfinite(want).all()) and not bool(torch.isfinite(got).all())
    largest = float(want.abs().max())
    return Drift(place, layer, kind, psnr(got.numpy(), want.numpy()), largest, overflows)

"""Seed -> starting noise, always drawn on the CPU, so that a seed is the same picture everywhere."""

from __future__ import annotations

import torch
from torch import Tensor


def generator_for(seed: int) -> torch.Generator:
    """The generator of one picture. Everything random in it is drawn from here, in order."""
    return torch.Generator("cpu").manual_seed(seed)


def draw(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Standard normal noise in float32: what diffusers draws with the same CPU generator."""
    return torch.randn(shape, generator=generator, dtype=torch.float32)

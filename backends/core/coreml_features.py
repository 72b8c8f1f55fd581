"""What a Core ML UNet is told of the time, computed outside: in fp16 sinusoids lose half their digits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def sinusoid(values: Tensor, width: int, *, cosine_first: bool, shift: float) -> Tensor:
    """(N,) numbers -> (N, width) float32, as DDPM embeds a timestep (Ho et al. 2020); `width` is even."""
    half = width // 2
    rates = torch.exp(torch.arange(half, dtype=torch.float32) * (-math.log(10_000) / (half - shift)))
    angles = values.float()[:, None] * rates
    pair = [angles.cos(), angles.sin()] if cosine_first else [angles.sin(), angles.cos()]
    return torch.cat(pair, dim=1)


def time_features(config: Mapping[str, Any], timestep: float, batch: int) -> Tensor:
    """The timestep as a UNet of this configuration embeds it: (batch, width of its first block)."""
    width = int(config["block_out_channels"][0])
    return _embedded(config, torch.full((batch,), timestep), width)


def added_features(config: Mapping[str, Any], pooled: Tensor, time_ids: Tensor) -> Tensor:
    """SDXL's additional conditioning: (B, C) pooled text and (B, 6) sizes -> (B, C + 6 x width)."""
    sizes = _embedded(config, time_ids.flatten(), int(config["addition_time_embed_dim"]))
    return torch.cat([pooled, sizes.reshape(len(time_ids), -1)], dim=1)


def _embedded(config: Mapping[str, Any], values: Tensor, width: int) -> Tensor:
    first, shift = bool(config.get("flip_sin_to_cos", True)), float(config.get("freq_shift", 0))
    return sinusoid(values, width, cosine_first=first, shift=shift)

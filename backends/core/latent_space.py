"""Between the latents that the loop works on and those of the autoencoder: their scale, and packed places.

Most models denoise what the autoencoder makes, scaled by a number. FLUX.2 packs 2 x 2 places into one with
four times the channels, and its autoencoder keeps each channel's mean and deviation in a batch norm.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from backends.core.contract import ModelFacts


def packed(latents: Tensor, patch: int) -> Tensor:
    """(B, C, h, w) -> (B, C * patch * patch, h / patch, w / patch)."""
    return torch.nn.functional.pixel_unshuffle(latents, patch)


def unpacked(latents: Tensor, patch: int) -> Tensor:
    """(B, C * patch * patch, h, w) -> (B, C, h * patch, w * patch)."""
    return torch.nn.functional.pixel_shuffle(latents, patch)


def from_encoder(facts: ModelFacts, vae: Any, mean: Tensor, deviation: Tensor) -> tuple[Tensor, Tensor]:
    """What an encoder says of a picture, (1, C, h, w) twice, as latents that only `scaling_factor` is to
    be applied to."""
    mean, deviation = packed(mean, facts.latent_patch), packed(deviation, facts.latent_patch)
    if (norm := getattr(vae, "bn", None)) is None:
        return mean - facts.shift_factor, deviation
    middle, spread = _statistics(norm)
    return (mean - middle) / spread, deviation / spread


def for_decoder(facts: ModelFacts, vae: Any, latents: Tensor) -> Tensor:
    """The loop's latents as the decoder takes them."""
    plain = latents / facts.scaling_factor + facts.shift_factor
    if (norm := getattr(vae, "bn", None)) is not None:
        middle, spread = _statistics(norm)
        plain = plain * spread + middle
    return unpacked(plain, facts.latent_patch)


def _statistics(norm: Any) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each channel, (1, C, 1, 1)."""
    mean, variance = norm.running_mean.float(), norm.running_var.float()
    return mean.view(1, -1, 1, 1), torch.sqrt(variance + norm.eps).view(1, -1, 1, 1)

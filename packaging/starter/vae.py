"""The autoencoder's shape, and the linear code of 8 x 8 patches that its training starts from."""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL
from torch import nn
from torch.nn import functional as F

LATENT_CHANNELS = 8
PATCH = 8
SMALLEST_SCALE = 0.15
LOG_VARIANCE = -24.0


def build_vae() -> AutoencoderKL:
    """An untrained autoencoder: 8 numbers for each 8 x 8 patch."""
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        latent_channels=LATENT_CHANNELS,
        block_out_channels=(16, 32, 64, 96),
        layers_per_block=1,
        norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        sample_size=128,
        scaling_factor=1.0,
        mid_block_add_attention=False,
    )


class LinearCode(nn.Module):
    """The principal components of the patches, each scaled to at most unit variance."""

    def __init__(self, pictures: torch.Tensor) -> None:
        super().__init__()
        patches = F.pixel_unshuffle(pictures, PATCH).movedim(1, -1).flatten(0, 2)
        mean = patches.mean(0)
        _, deviation, components = torch.linalg.svd(patches - mean, full_matrices=False)
        deviation = deviation[:LATENT_CHANNELS] / len(patches) ** 0.5
        scale = deviation.clamp(min=SMALLEST_SCALE * float(deviation[0]))
        self.register_buffer("mean", mean)
        self.register_buffer("analysis", components[:LATENT_CHANNELS] / scale[:, None])

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Pictures in [-1, 1] to codes of the latents' shape."""
        patches = F.pixel_unshuffle(pictures, PATCH)
        centred = patches - self.mean[None, :, None, None]
        return torch.einsum("kc,bchw->bkhw", self.analysis, centred)


@torch.no_grad()
def normalize_latents(vae: AutoencoderKL, mean: torch.Tensor, deviation: torch.Tensor) -> None:
    """Fold a shift and scale per channel into the 1 x 1 convolutions: latents then have mean 0, variance 1.

    The posterior's variance becomes negligible, so that a sample of it is its mean.
    """
    before, after = vae.quant_conv, vae.post_quant_conv
    channels = LATENT_CHANNELS
    before.weight[:channels] /= deviation[:, None, None, None]
    before.bias[:channels] = (before.bias[:channels] - mean) / deviation
    before.weight[channels:] = 0.0
    before.bias[channels:] = LOG_VARIANCE
    after.bias += torch.einsum("oi,i->o", after.weight[:, :, 0, 0], mean)
    after.weight *= deviation[None, :, None, None]

"""A model as small as conversion allows, as its time grows with the number of layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor

from tests.tiny_models import EPSILON, make_tiny_model, make_tiny_sdxl


def make_smallest_model(folder: Path) -> Path:
    """The tiny model with one block in its UNet and three in its VAE: a latent is four pixels a side."""
    return _shrink(make_tiny_model(folder, EPSILON), cross_attention_dim=32)


def make_smallest_sdxl(folder: Path) -> Path:
    """As the smallest model, with SDXL's two text encoders and what its UNet is told besides."""
    return _shrink(
        make_tiny_sdxl(folder, EPSILON),
        cross_attention_dim=64,
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=16 + 6 * 8,
    )


def _shrink(folder: Path, **unet: Any) -> Path:
    torch.manual_seed(1)
    UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(32,),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D",),
        mid_block_type=None,
        up_block_types=("CrossAttnUpBlock2D",),
        attention_head_dim=2,
        norm_num_groups=8,
        **unet,
    ).save_pretrained(folder / "unet")
    autoencoder: Any = AutoencoderKL
    autoencoder(
        block_out_channels=(16, 16, 16),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        latent_channels=4,
        norm_num_groups=4,
    ).save_pretrained(folder / "vae")
    return folder


def outputs(network: Any, inputs: dict[str, Tensor]) -> Tensor:
    with torch.no_grad():
        found = network(*inputs.values())
    return torch.cat(found) if isinstance(found, tuple) else found

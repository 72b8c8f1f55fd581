"""A small random model of the Z-Image family in the diffusers layout, made on the spot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers.models.transformers.transformer_z_image import ZImageTransformer2DModel

from tests.tiny_qwen import WIDTH, write_qwen
from tests.tiny_transformers import FLOW, kl_autoencoder, write_index

TURBO = {**FLOW, "shift": 3.0, "use_dynamic_shifting": False}
BASE = {**TURBO, "shift": 6.0}


def make_tiny_zimage(folder: Path, *, scheduler: dict[str, Any] = TURBO, seed: int = 0) -> Path:
    """Writes a model with random weights: Turbo's schedule says that it is distilled."""
    torch.manual_seed(seed)
    make: Any = ZImageTransformer2DModel
    transformer = make(
        in_channels=16, dim=32, n_layers=2, n_refiner_layers=1, n_heads=2, n_kv_heads=2, cap_feat_dim=WIDTH,
        axes_dims=[8, 4, 4], axes_lens=[1024, 64, 64],
    )  # fmt: skip
    with torch.no_grad():
        for token in (transformer.x_pad_token, transformer.cap_pad_token):
            token.normal_()
    transformer.save_pretrained(folder / "transformer")
    kl_autoencoder(scaling_factor=0.3611, shift_factor=0.1159).save_pretrained(folder / "vae")
    index: dict[str, Any] = write_qwen(folder) | {
        "_class_name": "ZImagePipeline",
        "transformer": ["diffusers", "ZImageTransformer2DModel"],
    }
    write_index(folder, index, scheduler)
    return folder

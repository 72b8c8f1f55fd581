"""A small random model of the FLUX.2 klein family in the diffusers layout, made on the spot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl_flux2 import AutoencoderKLFlux2
from diffusers.models.transformers.transformer_flux2 import Flux2Transformer2DModel

from tests.tiny_qwen import WIDTH, write_qwen
from tests.tiny_transformers import BY_SIZE, write_index


def make_tiny_flux2(folder: Path, *, distilled: bool = True, layers: int = 28, seed: int = 0) -> Path:
    """Writes a model of the FLUX.2 klein family with random weights. `layers` of the language model."""
    torch.manual_seed(seed)
    make: Any = Flux2Transformer2DModel
    transformer = make(
        in_channels=16,
        num_layers=1,
        num_single_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=3 * WIDTH,
        timestep_guidance_channels=32,
        axes_dims_rope=(4, 4, 4, 4),
        guidance_embeds=False,
    )
    _make_blocks_count(transformer)
    transformer.save_pretrained(folder / "transformer")
    _autoencoder().save_pretrained(folder / "vae")
    index: dict[str, Any] = write_qwen(folder, layers=layers, named="Qwen3ForCausalLM") | {
        "_class_name": "Flux2KleinPipeline",
        "is_distilled": distilled,
        "tokenizer": ["transformers", "Qwen2TokenizerFast"],
        "transformer": ["diffusers", "Flux2Transformer2DModel"],
        "vae": ["diffusers", "AutoencoderKLFlux2"],
    }
    write_index(folder, index, BY_SIZE)
    return folder


def _make_blocks_count(transformer: Any) -> None:
    """With fresh weights the gates are nearly shut, and neither words nor other pictures would show."""
    for name, weight in transformer.named_parameters():
        if "modulation" in name:
            weight.data.mul_(20)


def _autoencoder() -> Any:
    make: Any = AutoencoderKLFlux2
    vae = make(
        block_out_channels=(16, 16, 32, 32),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=64,
    )
    vae.bn.running_mean.copy_(torch.randn(16) * 0.1)
    vae.bn.running_var.copy_(torch.rand(16) + 0.5)
    return vae

"""The diffusers configuration of each part, from the shapes of its tensors.

What shapes can't tell (attention heads, activations) is what Stability's and Runway's published
configurations say for the version.
"""

from __future__ import annotations

import re
from typing import Any

from convert.source.kinds import CLIP, OPEN_CLIP, UNET, VAE, Shapes

TOKENS = 49_408
_BEGIN, _END = TOKENS - 2, TOKENS - 1


def unet_config(shapes: Shapes, version: int, prediction: str) -> dict[str, Any]:
    """Raises KeyError, IndexError or ValueError when the UNet is not of this family."""
    halvings = sorted(_numbers(shapes, rf"{re.escape(UNET)}input_blocks\.(\d+)\.0\.op\.weight"))
    layers = halvings[0] - 1
    firsts = [1 + level * (layers + 1) for level in range(len(halvings) + 1)]
    widths = [shapes[f"{UNET}input_blocks.{n}.0.out_layers.3.weight"][0] for n in firsts]
    attends = [f"{UNET}input_blocks.{n}.1.norm.weight" in shapes for n in firsts]
    block = firsts[attends.index(True)]
    inner = f"{UNET}input_blocks.{block}.1."
    return {
        "_class_name": "UNet2DConditionModel",
        "sample_size": 96 if version == 2 and prediction == "v_prediction" else 64,
        "in_channels": shapes[f"{UNET}input_blocks.0.0.weight"][1],
        "out_channels": shapes[f"{UNET}out.2.weight"][0],
        "layers_per_block": layers,
        "block_out_channels": widths,
        "down_block_types": ["CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attends],
        "up_block_types": ["CrossAttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attends)],
        "cross_attention_dim": shapes[f"{inner}transformer_blocks.0.attn2.to_k.weight"][1],
        "attention_head_dim": 8 if version == 1 else [max(width // 64, 1) for width in widths],
        "use_linear_projection": len(shapes[f"{inner}proj_in.weight"]) == 2,
        "norm_num_groups": 32,
    }


def vae_config(shapes: Shapes) -> dict[str, Any]:
    """As `unet_config`."""
    levels = len(_numbers(shapes, rf"{re.escape(VAE)}encoder\.down\.(\d+)\.block\.0\.conv1\.weight"))
    widths = [shapes[f"{VAE}encoder.down.{n}.block.0.conv1.weight"][0] for n in range(levels)]
    return {
        "_class_name": "AutoencoderKL",
        "sample_size": 512,
        "latent_channels": shapes[f"{VAE}decoder.conv_in.weight"][1],
        "block_out_channels": widths,
        "layers_per_block": len(
            _numbers(shapes, rf"{re.escape(VAE)}encoder\.down\.0\.block\.(\d+)\.conv1\.weight")
        ),
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "norm_num_groups": 32,
        "scaling_factor": 0.18215,
    }


def text_config(shapes: Shapes, version: int) -> dict[str, Any]:
    """As `unet_config`. Of version 2's layers the last is not used, as in Stability's configuration."""
    if version == 1:
        stem = CLIP + "text_model."
        rows, width = shapes[f"{stem}embeddings.token_embedding.weight"]
        inside = shapes[f"{stem}encoder.layers.0.mlp.fc1.weight"][0]
        layers = len(_numbers(shapes, rf"{re.escape(stem)}encoder\.layers\.(\d+)\.mlp\.fc1\.weight"))
        positions = shapes[f"{stem}embeddings.position_embedding.weight"][0]
    else:
        rows, width = shapes[f"{OPEN_CLIP}token_embedding.weight"]
        inside = shapes[f"{OPEN_CLIP}transformer.resblocks.0.mlp.c_fc.weight"][0]
        layers = used_layers(shapes)
        positions = shapes[f"{OPEN_CLIP}positional_embedding"][0]
    if rows != TOKENS:
        raise ValueError(f"a text encoder for {rows:,} tokens, and CLIP has {TOKENS:,}")
    return {
        "architectures": ["CLIPTextModel"],
        "model_type": "clip_text_model",
        "vocab_size": rows,
        "hidden_size": width,
        "intermediate_size": inside,
        "num_hidden_layers": layers,
        "num_attention_heads": max(width // 64, 1),
        "max_position_embeddings": positions,
        "hidden_act": "quick_gelu" if version == 1 else "gelu",
        "layer_norm_eps": 1e-5,
        "projection_dim": width if version == 1 else 512,
        "bos_token_id": _BEGIN,
        "eos_token_id": _END,
        "pad_token_id": 1,
    }


def used_layers(shapes: Shapes) -> int:
    """How many of OpenCLIP's layers are used: all but the last, which some files leave out."""
    found = len(_numbers(shapes, rf"{re.escape(OPEN_CLIP)}transformer\.resblocks\.(\d+)\.ln_1\.weight"))
    return found if found == 23 else found - 1


def scheduler_config(prediction: str, zero_snr: bool) -> dict[str, Any]:
    """Stable Diffusion's schedule of noise."""
    config: dict[str, Any] = {
        "_class_name": "DDIMScheduler",
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "num_train_timesteps": 1000,
        "set_alpha_to_one": False,
        "steps_offset": 1,
        "clip_sample": False,
        "prediction_type": prediction,
    }
    return config | ({"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"} if zero_snr else {})


def model_index() -> dict[str, Any]:
    """The list of parts."""
    return {
        "_class_name": "StableDiffusionPipeline",
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "scheduler": ["diffusers", "DDIMScheduler"],
        "safety_checker": [None, None],
        "feature_extractor": [None, None],
        "requires_safety_checker": False,
    }


def _numbers(shapes: Shapes, pattern: str) -> set[int]:
    return {int(match[1]) for key in shapes if (match := re.fullmatch(pattern, key))}

"""Single files of Stable Diffusion 3 and 3.5: their parts, configurations and tensors.

Stability's layout: the transformer (MMDiT) and the autoencoder, and in some files the two CLIPs and T5, too.
T5 is left out, as its vocabulary comes neither in the file nor with this program: the family runs without it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from convert.source import configs
from convert.source.kinds import CLIP_G_3, CLIP_L_3, UNET, Shapes

CLASSES = {
    "text_encoder": ["transformers", "CLIPTextModelWithProjection"],
    "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
    "transformer": ["diffusers", "SD3Transformer2DModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
"""The parts of a model, with the classes that run them."""
T5 = {"text_encoder_3": ["transformers", "T5EncoderModel"], "tokenizer_3": ["transformers", "T5Tokenizer"]}
CLIPS = {"text_encoder": CLIP_L_3, "text_encoder_2": CLIP_G_3}
_HEAD = 64
T5_PREFIX = "text_encoders.t5xxl."
_BLOCKS = r"model\.diffusion_model\.joint_blocks\.(\d+)\.x_block\.{}\.qkv\.weight"


def part_config(shapes: Shapes, part: str) -> dict[str, Any]:
    """Raises KeyError, IndexError or ValueError when the part is not of this kind."""
    if part == "transformer":
        return _transformer_config(shapes)
    if part == "vae":
        return configs.vae_config(shapes, "3") | {
            "shift_factor": 0.0609,
            "use_quant_conv": False,
            "use_post_quant_conv": False,
        }
    activation = "quick_gelu" if part == "text_encoder" else "gelu"
    return configs.clip_config(shapes, CLIPS[part]) | {
        "architectures": ["CLIPTextModelWithProjection"],
        "hidden_act": activation,
    }


def _transformer_config(shapes: Shapes) -> dict[str, Any]:
    width, channels, patch, _ = shapes[f"{UNET}x_embedder.proj.weight"]
    layers, dual = (configs.numbers(shapes, _BLOCKS.format(name)) for name in ("attn", "attn2"))
    captions, joint = shapes[f"{UNET}context_embedder.weight"]
    return {
        "_class_name": "SD3Transformer2DModel",
        "sample_size": 128,
        "patch_size": patch,
        "in_channels": channels,
        "out_channels": shapes[f"{UNET}final_layer.linear.weight"][0] // patch**2,
        "num_layers": len(layers),
        "attention_head_dim": _HEAD,
        "num_attention_heads": width // _HEAD,
        "joint_attention_dim": joint,
        "caption_projection_dim": captions,
        "pooled_projection_dim": shapes[f"{UNET}y_embedder.mlp.0.weight"][1],
        "pos_embed_max_size": math.isqrt(shapes[f"{UNET}pos_embed"][-2]),
        "dual_attention_layers": sorted(dual),
        "qk_norm": "rms_norm" if f"{UNET}joint_blocks.0.x_block.attn.ln_q.weight" in shapes else None,
    }


def transformer_tensors(tensors: dict[str, Any]) -> dict[str, Any]:
    """By diffusers' names. GGUF files may have lost the table of places' first side, of 1."""
    from diffusers.loaders import single_file_utils

    mapping: Any = single_file_utils
    found = mapping.convert_sd3_transformer_checkpoint_to_diffusers(tensors)
    places = found["pos_embed.pos_embed"]
    return {**found, "pos_embed.pos_embed": places.reshape(1, *places.shape[-2:])}


def text_tensors(tensors: Mapping[str, Any], part: str, width: int) -> dict[str, Any]:
    """A CLIP's tensors by transformers' names. The first's projection may be absent: it changes nothing."""
    import torch

    prefix = CLIPS[part]
    found = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
    kept = {key: value for key, value in found.items() if not key.endswith(("position_ids", "logit_scale"))}
    like = kept["text_model.final_layer_norm.weight"]
    return {"text_projection.weight": torch.eye(width, dtype=like.dtype), **kept}


def has_t5(shapes: Shapes) -> bool:
    return any(key.startswith(T5_PREFIX) for key in shapes)


def scheduler_config() -> dict[str, Any]:
    """Of every published model of this kind."""
    return {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000, "shift": 3.0}


def model_index(t5: bool) -> dict[str, Any]:
    """The list of parts."""
    absent = {part: [None, None] for part in T5}
    return {
        "_class_name": "StableDiffusion3Pipeline",
        **CLASSES,
        **(T5 if t5 else absent),
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "tokenizer_2": ["transformers", "CLIPTokenizer"],
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
    }

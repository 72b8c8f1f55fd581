"""The diffusers configuration of each part, from the shapes of its tensors.

What shapes can't tell (attention heads, activations) is what Stability's and Runway's published
configurations say for the version.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from convert.source.kinds import CLIP, CLIP_XL, OPEN_CLIP, REFINER, UNET, VAE, Shapes, second_text

TOKENS = 49_408
_BEGIN, _END = TOKENS - 2, TOKENS - 1
_SIZES = {"1.x": 64, "2.x": 64, "3": 128, "XL": 128, REFINER: 128}
_SCALING = {"1.x": 0.18215, "2.x": 0.18215, "3": 1.5305, "XL": 0.13025, REFINER: 0.13025}
_SIZE_NUMBERS = {"XL": 6, REFINER: 5}
"""How many numbers a UNet is told of the picture's size, and a refiner of its beauty."""


def unet_config(shapes: Shapes, version: str, prediction: str) -> dict[str, Any]:
    """Raises KeyError, IndexError or ValueError when the UNet is not of this family."""
    halvings = sorted(numbers(shapes, rf"{re.escape(UNET)}input_blocks\.(\d+)\.0\.op\.weight"))
    layers = halvings[0] - 1
    firsts = [1 + level * (layers + 1) for level in range(len(halvings) + 1)]
    widths = [shapes[f"{UNET}input_blocks.{n}.0.out_layers.3.weight"][0] for n in firsts]
    attends = [f"{UNET}input_blocks.{n}.1.norm.weight" in shapes for n in firsts]
    inner = f"{UNET}input_blocks.{firsts[attends.index(True)]}.1."
    middle = _depth(shapes, "middle_block")
    return {
        "_class_name": "UNet2DConditionModel",
        "sample_size": 96 if version == "2.x" and prediction == "v_prediction" else _SIZES[version],
        "in_channels": shapes[f"{UNET}input_blocks.0.0.weight"][1],
        "out_channels": shapes[f"{UNET}out.2.weight"][0],
        "layers_per_block": layers,
        "block_out_channels": widths,
        "down_block_types": ["CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attends],
        "up_block_types": ["CrossAttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attends)],
        "transformer_layers_per_block": [*(_depth(shapes, f"input_blocks.{n}") for n in firsts[:-1]), middle],
        "cross_attention_dim": shapes[f"{inner}transformer_blocks.0.attn2.to_k.weight"][1],
        "attention_head_dim": 8 if version == "1.x" else [max(width // 64, 1) for width in widths],
        "use_linear_projection": len(shapes[f"{inner}proj_in.weight"]) == 2,
        "norm_num_groups": 32,
    } | (_size_conditioning(shapes, _SIZE_NUMBERS[version]) if version in _SIZE_NUMBERS else {})


def _depth(shapes: Shapes, block: str) -> int:
    """Transformer layers in a block; 1, which is not used, where it has none. The last level's are as many
    as the middle's, which diffusers makes like it, even where it has none."""
    stem = rf"{re.escape(f'{UNET}{block}')}\.1\.transformer_blocks\.(\d+)\.norm1\.weight"
    return max(len(numbers(shapes, stem)), 1)


def _size_conditioning(shapes: Shapes, count: int) -> dict[str, Any]:
    """The last layer's vector of the text, and so many numbers of the picture's size, all in one vector."""
    total = shapes[f"{UNET}label_emb.0.0.weight"][1]
    text = shapes.get(f"{second_text(shapes)}text_projection", (0, 1280))[1]
    return {
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": (total - text) // count,
        "projection_class_embeddings_input_dim": total,
    }


def vae_config(shapes: Shapes, version: str) -> dict[str, Any]:
    """As `unet_config`. The names are the first files' or, where it came alone, diffusers' own."""
    level, conv = ("down_blocks", "resnets") if is_diffusers_vae(shapes) else ("down", "block")
    stem = rf"{re.escape(VAE)}encoder\.{level}\."
    levels = len(numbers(shapes, rf"{stem}(\d+)\.{conv}\.0\.conv1\.weight"))
    widths = [shapes[f"{VAE}encoder.{level}.{n}.{conv}.0.conv1.weight"][0] for n in range(levels)]
    return {
        "_class_name": "AutoencoderKL",
        "sample_size": 8 * _SIZES[version],
        "latent_channels": shapes[f"{VAE}decoder.conv_in.weight"][1],
        "block_out_channels": widths,
        "layers_per_block": len(numbers(shapes, rf"{stem}0\.{conv}\.(\d+)\.conv1\.weight")),
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "norm_num_groups": 32,
        "scaling_factor": _SCALING[version],
    }


def is_diffusers_vae(shapes: Shapes) -> bool:
    """Whether an autoencoder's tensors have the names that diffusers gives them."""
    return f"{VAE}encoder.down_blocks.0.resnets.0.conv1.weight" in shapes


def text_config(shapes: Shapes, part: str) -> dict[str, Any]:
    """As `unet_config`, for "text_encoder" or "text_encoder_2".

    Of version 2's layers the last is not used, as in Stability's configuration; XL's second encoder keeps
    all of them, and is asked for the last but one.
    """
    for stem in (CLIP_XL, CLIP):
        if part == "text_encoder" and f"{stem}text_model.final_layer_norm.weight" in shapes:
            return clip_config(shapes, stem)
    if f"{CLIP}text_model.final_layer_norm.weight" in shapes:
        return clip_config(shapes, CLIP) | _PROJECTED
    if part == "text_encoder_2":
        stem = second_text(shapes)
        return _open_clip_config(shapes, stem, all_layers(shapes, stem)) | _PROJECTED
    return _open_clip_config(shapes, OPEN_CLIP, used_layers(shapes))


_PROJECTED = {"architectures": ["CLIPTextModelWithProjection"]}


def clip_config(shapes: Shapes, prefix: str) -> dict[str, Any]:
    """OpenAI's encoder is 768 wide and computes with quick_gelu; OpenCLIP's are wider."""
    stem = prefix + "text_model."
    inside = shapes[f"{stem}encoder.layers.0.mlp.fc1.weight"][0]
    layers = len(numbers(shapes, rf"{re.escape(stem)}encoder\.layers\.(\d+)\.mlp\.fc1\.weight"))
    positions = shapes[f"{stem}embeddings.position_embedding.weight"][0]
    rows, width = shapes[f"{stem}embeddings.token_embedding.weight"]
    projection = shapes.get(f"{prefix}text_projection.weight", (width,))[0]
    return _text(rows, width, inside, layers, positions) | {
        "hidden_act": "gelu" if width >= 1024 else "quick_gelu",
        "projection_dim": projection,
    }


def _open_clip_config(shapes: Shapes, prefix: str, layers: int) -> dict[str, Any]:
    rows, width = shapes[f"{prefix}token_embedding.weight"]
    inside = shapes[f"{prefix}transformer.resblocks.0.mlp.c_fc.weight"][0]
    positions = shapes[f"{prefix}positional_embedding"][0]
    projection = 512 if prefix == OPEN_CLIP else shapes[f"{prefix}text_projection"][1]
    return _text(rows, width, inside, layers, positions) | {
        "hidden_act": "gelu",
        "projection_dim": projection,
    }


def _text(rows: int, width: int, inside: int, layers: int, positions: int) -> dict[str, Any]:
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
        "layer_norm_eps": 1e-5,
        "bos_token_id": _BEGIN,
        "eos_token_id": _END,
        "pad_token_id": 1,
    }


def all_layers(shapes: Shapes, prefix: str) -> int:
    """How many layers an OpenCLIP text encoder has."""
    return len(numbers(shapes, rf"{re.escape(prefix)}transformer\.resblocks\.(\d+)\.ln_1\.weight"))


def used_layers(shapes: Shapes) -> int:
    """How many of version 2's are used: all but the last, which some files leave out."""
    found = all_layers(shapes, OPEN_CLIP)
    return found if found == 23 else found - 1


def scheduler_config(prediction: str, zero_snr: bool) -> dict[str, Any]:
    """Stable Diffusion's schedule of noise, every version's."""
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


def model_index(version: str) -> dict[str, Any]:
    """The list of parts."""
    plain: dict[str, Any] = {
        "_class_name": "StableDiffusionPipeline",
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "scheduler": ["diffusers", "DDIMScheduler"],
        "feature_extractor": [None, None],
    }
    if version not in _SIZE_NUMBERS:
        return plain | {"safety_checker": [None, None], "requires_safety_checker": False}
    large = plain | {
        "_class_name": "StableDiffusionXLPipeline",
        "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
        "tokenizer_2": ["transformers", "CLIPTokenizer"],
        "image_encoder": [None, None],
        "force_zeros_for_empty_prompt": True,
    }
    return large | _REFINER_INDEX if version == REFINER else large


_REFINER_INDEX: dict[str, Any] = {
    "_class_name": "StableDiffusionXLImg2ImgPipeline",
    "text_encoder": [None, None],
    "tokenizer": [None, None],
    "force_zeros_for_empty_prompt": False,
    "requires_aesthetics_score": True,
}


def numbers(names: Iterable[str], pattern: str) -> set[int]:
    """What stands in the pattern's group, in the names that match it."""
    return {int(match[1]) for key in names if (match := re.fullmatch(pattern, key))}

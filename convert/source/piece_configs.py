"""Configurations of Z-Image and FLUX.2 klein models of which there is no folder, from their tensors' shapes.

What shapes can't tell is what the published configurations say: heads of 128 in transformers, angles, 32
groups in VAEs. Which schedule, and whether a model was distilled, only a file's name tells.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from convert.source.configs import numbers
from convert.source.kinds import Shapes

_HEAD = 128
_FLOW = {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000}
_DISTILLED_SHIFT, _WHOLE_SHIFT = 3.0, 6.0
_READERS = {"flux2": "Qwen3ForCausalLM", "zimage": "Qwen3Model"}
_TOKENIZERS = {"flux2": "Qwen2TokenizerFast", "zimage": "Qwen2Tokenizer"}
_CLASSES = {
    "flux2": ("Flux2KleinPipeline", "Flux2Transformer2DModel", "AutoencoderKLFlux2"),
    "zimage": ("ZImagePipeline", "ZImageTransformer2DModel", "AutoencoderKL"),
}
"""The pipeline's, the transformer's and the VAE's class, by family."""
FAMILIES = tuple(_CLASSES)
"""Those that can be put together of nothing but their single files."""


def part_config(family: str, part: str, shapes: Shapes) -> dict[str, Any]:
    """From shapes by diffusers' names. Raises KeyError and the like when it is no such part."""
    if part == "text_encoder":
        return _qwen_config(shapes)
    return _MAKERS[family, part](shapes)


def fits_together(family: str, configs: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether the transformer takes what the text encoder gives: klein's three layers, Z-Image's one."""
    width, transformer = configs["text_encoder"]["hidden_size"], configs["transformer"]
    if family == "flux2":
        return transformer["joint_attention_dim"] == 3 * width
    return transformer["cap_feat_dim"] == width


def scheduler_config(family: str, distilled: bool) -> dict[str, Any]:
    """Of the published models: klein's is shifted by the picture's size, Z-Image's by one number."""
    if family == "flux2":
        return {**_FLOW, "shift": 3.0, "use_dynamic_shifting": True}
    return {**_FLOW, "shift": _DISTILLED_SHIFT if distilled else _WHOLE_SHIFT, "use_dynamic_shifting": False}


def model_index(family: str, distilled: bool) -> dict[str, Any]:
    """The list of parts."""
    pipeline, transformer, vae = _CLASSES[family]
    return {
        "_class_name": pipeline,
        "scheduler": ["diffusers", _FLOW["_class_name"]],
        "text_encoder": ["transformers", _READERS[family]],
        "tokenizer": ["transformers", _TOKENIZERS[family]],
        "transformer": ["diffusers", transformer],
        "vae": ["diffusers", vae],
    } | ({"is_distilled": distilled} if family == "flux2" else {})


def guess_distilled(family: str, name: str) -> tuple[bool, str]:
    """Whether a model makes its pictures in few steps, and why that is thought, from its file's name.

    Published are flux-2-klein-4b and flux-2-klein-base-4b, z_image_turbo and z_image; what others make of
    them is nearly always of the distilled ones.
    """
    plain = name.casefold()
    if "turbo" in plain:
        return True, "its name holds 'turbo'"
    if re.search(r"(^|[^a-z])base([^a-z]|$)", plain):
        return False, "its name holds 'base'"
    if family == "zimage" and re.match(r"z[-_ ]?image[-_ ](bf16|fp16|fp8|q\d|f16)", plain):
        return False, "it is called as the undistilled one is"
    return True, "most files of this kind are, and its name says nothing else"


def _qwen_config(shapes: Shapes) -> dict[str, Any]:
    rows, width = shapes["model.embed_tokens.weight"]
    inside = shapes["model.layers.0.mlp.gate_proj.weight"][0]
    attention = "model.layers.0.self_attn."
    (head,) = shapes[f"{attention}q_norm.weight"]
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "vocab_size": rows,
        "hidden_size": width,
        "intermediate_size": inside,
        "num_hidden_layers": len(numbers(shapes, r"model\.layers\.(\d+)\.self_attn\.q_norm\.weight")),
        "num_attention_heads": shapes[f"{attention}q_proj.weight"][0] // head,
        "num_key_value_heads": shapes[f"{attention}k_proj.weight"][0] // head,
        "head_dim": head,
        "max_position_embeddings": 40_960,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1_000_000,
        "hidden_act": "silu",
        "attention_bias": False,
        "tie_word_embeddings": True,
    }


def _zimage_config(shapes: Shapes) -> dict[str, Any]:
    width, inside = shapes["all_x_embedder.2-1.weight"]
    _check_head(shapes["layers.0.attention.norm_q.weight"])
    return {
        "_class_name": "ZImageTransformer2DModel",
        "all_patch_size": [2],
        "all_f_patch_size": [1],
        "in_channels": inside // 4,
        "dim": width,
        "n_layers": len(numbers(shapes, r"layers\.(\d+)\.attention\.norm_q\.weight")),
        "n_refiner_layers": len(numbers(shapes, r"noise_refiner\.(\d+)\.attention\.norm_q\.weight")),
        "n_heads": width // _HEAD,
        "n_kv_heads": shapes["layers.0.attention.to_k.weight"][0] // _HEAD,
        "norm_eps": 1e-5,
        "qk_norm": True,
        "cap_feat_dim": shapes["cap_embedder.1.weight"][1],
        "rope_theta": 256.0,
        "t_scale": 1000.0,
        "axes_dims": [32, 48, 48],
        "axes_lens": [1536, 512, 512],
    }


def _flux2_config(shapes: Shapes) -> dict[str, Any]:
    width, channels = shapes["x_embedder.weight"]
    _check_head(shapes["transformer_blocks.0.attn.norm_q.weight"])
    return {
        "_class_name": "Flux2Transformer2DModel",
        "patch_size": 1,
        "in_channels": channels,
        "num_layers": len(numbers(shapes, r"transformer_blocks\.(\d+)\.attn\.norm_q\.weight")),
        "num_single_layers": len(numbers(shapes, r"single_transformer_blocks\.(\d+)\.attn\.norm_q\.weight")),
        "attention_head_dim": _HEAD,
        "num_attention_heads": width // _HEAD,
        "joint_attention_dim": shapes["context_embedder.weight"][1],
        "timestep_guidance_channels": shapes["time_guidance_embed.timestep_embedder.linear_1.weight"][1],
        "mlp_ratio": shapes["transformer_blocks.0.ff.linear_out.weight"][1] / width,
        "axes_dims_rope": [32, 32, 32, 32],
        "rope_theta": 2000,
        "eps": 1e-6,
        "guidance_embeds": False,
    }


def _check_head(shape: tuple[int, ...]) -> None:
    if shape != (_HEAD,):
        raise ValueError(f"heads of {shape[0]}, and published models have {_HEAD}")


def vae_shape(shapes: Shapes) -> dict[str, Any]:
    """How a KL autoencoder is built."""
    levels = len(numbers(shapes, r"encoder\.down_blocks\.(\d+)\.resnets\.0\.conv1\.weight"))
    down = [shapes[f"encoder.down_blocks.{n}.resnets.0.conv1.weight"][0] for n in range(levels)]
    up = [shapes[f"decoder.up_blocks.{n}.resnets.0.conv1.weight"][0] for n in range(levels)]
    layers = numbers(shapes, r"encoder\.down_blocks\.0\.resnets\.(\d+)\.conv1\.weight")
    return {
        "sample_size": 1024,
        "latent_channels": shapes["decoder.conv_in.weight"][1],
        "block_out_channels": down,
        "layers_per_block": len(layers),
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "norm_num_groups": 32,
        "use_quant_conv": "quant_conv.weight" in shapes,
        "use_post_quant_conv": "post_quant_conv.weight" in shapes,
    } | ({"decoder_block_out_channels": up[::-1]} if up[::-1] != down else {})


def _zimage_vae(shapes: Shapes) -> dict[str, Any]:
    scales = {"scaling_factor": 0.3611, "shift_factor": 0.1159}
    return {"_class_name": "AutoencoderKL", **vae_shape(shapes), **scales}


def _flux2_vae(shapes: Shapes) -> dict[str, Any]:
    return {
        "_class_name": "AutoencoderKLFlux2",
        **vae_shape(shapes),
        "batch_norm_eps": 1e-4,
        "patch_size": [2, 2],
    }


_MAKERS: Mapping[tuple[str, str], Callable[[Shapes], dict[str, Any]]] = {
    ("zimage", "transformer"): _zimage_config,
    ("zimage", "vae"): _zimage_vae,
    ("flux2", "transformer"): _flux2_config,
    ("flux2", "vae"): _flux2_vae,
}

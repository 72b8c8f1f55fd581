"""A small random SD 3 model, and the single file that Stability's layout makes of it.

The file's names are written by hand from the layout of Stability's sd3-ref (mmdit.py, other_impls.py).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import torch
from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel
from safetensors.torch import load_file
from transformers.models.clip.modeling_clip import CLIPTextModelWithProjection

from convert.source import sd3, vocabulary
from tests.convert.single_files import _text, _vae_name, _vae_value
from tests.tiny_transformers import AutoencoderKL

Tensors = dict[str, torch.Tensor]
_LAYERS = 2
_OUTSIDE = {
    "time_text_embed.timestep_embedder.linear_1": "t_embedder.mlp.0",
    "time_text_embed.timestep_embedder.linear_2": "t_embedder.mlp.2",
    "time_text_embed.text_embedder.linear_1": "y_embedder.mlp.0",
    "time_text_embed.text_embedder.linear_2": "y_embedder.mlp.2",
    "pos_embed.proj": "x_embedder.proj",
    "context_embedder": "context_embedder",
    "proj_out": "final_layer.linear",
}
_INSIDE = {
    "attn.norm_q": "x_block.attn.ln_q",
    "attn.norm_k": "x_block.attn.ln_k",
    "attn.norm_added_q": "context_block.attn.ln_q",
    "attn.norm_added_k": "context_block.attn.ln_k",
    "attn.to_out.0": "x_block.attn.proj",
    "attn.to_add_out": "context_block.attn.proj",
    "attn2.norm_q": "x_block.attn2.ln_q",
    "attn2.norm_k": "x_block.attn2.ln_k",
    "attn2.to_out.0": "x_block.attn2.proj",
    "norm1.linear": "x_block.adaLN_modulation.1",
    "norm1_context.linear": "context_block.adaLN_modulation.1",
    "ff.net.0.proj": "x_block.mlp.fc1",
    "ff.net.2": "x_block.mlp.fc2",
    "ff_context.net.0.proj": "context_block.mlp.fc1",
    "ff_context.net.2": "context_block.mlp.fc2",
}
_TOGETHER = {
    "x_block.attn": ("attn.to_q", "attn.to_k", "attn.to_v"),
    "context_block.attn": ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"),
    "x_block.attn2": ("attn2.to_q", "attn2.to_k", "attn2.to_v"),
}


def make_folder(folder: Path, *, newer: bool) -> Path:
    """A diffusers folder without T5; `newer` is 3.5 medium's kind, with a second attention and norms."""
    torch.manual_seed(3)
    network: Any = SD3Transformer2DModel
    autoencoder: Any = AutoencoderKL
    kinds: dict[str, Any] = {"dual_attention_layers": (0,), "qk_norm": "rms_norm"} if newer else {}
    parts = {
        "transformer": network(
            sample_size=128, patch_size=2, in_channels=16, num_layers=_LAYERS, attention_head_dim=64,
            num_attention_heads=1, joint_attention_dim=256, caption_projection_dim=64,
            pooled_projection_dim=128, out_channels=16, pos_embed_max_size=16, **kinds,
        ),
        "vae": autoencoder(
            block_out_channels=(32, 32, 32, 32), down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4, layers_per_block=2, latent_channels=16,
            scaling_factor=1.5305, shift_factor=0.0609, use_quant_conv=False, use_post_quant_conv=False,
        ),
        "text_encoder": CLIPTextModelWithProjection(_text("quick_gelu")),
        "text_encoder_2": CLIPTextModelWithProjection(_text("gelu")),
    }  # fmt: skip
    torch.nn.init.eye_(parts["text_encoder"].text_projection.weight)
    for name, part in parts.items():
        part.half().save_pretrained(folder / name)
    vocabulary.write_tokenizer(folder / "tokenizer", "3")
    vocabulary.write_tokenizer(folder / "tokenizer_2", "2.x")
    (folder / "scheduler").mkdir()
    (folder / "scheduler/scheduler_config.json").write_text(json.dumps(sd3.scheduler_config()))
    (folder / "model_index.json").write_text(json.dumps(sd3.model_index(t5=False)))
    return folder


def single_file(folder: Path, *, clips: bool = True) -> Tensors:
    """The folder's tensors as one file has them, with a T5 that nobody can use."""
    named = {f"model.diffusion_model.{k}": v for k, v in _transformer(_load(folder, "transformer")).items()}
    vae = _load(folder, "vae")
    named |= {f"first_stage_model.{_vae_name(k)}": _vae_value(k, v) for k, v in vae.items()}
    if clips:
        first, second = _load(folder, "text_encoder"), _load(folder, "text_encoder_2")
        del first["text_projection.weight"]
        named |= {f"text_encoders.clip_l.transformer.{k}": v for k, v in first.items()}
        named |= {f"text_encoders.clip_g.transformer.{k}": v for k, v in second.items()}
        named["text_encoders.t5xxl.transformer.shared.weight"] = torch.zeros(8, 4)
    return {k: v.contiguous() for k, v in named.items()}


def _load(folder: Path, part: str) -> Tensors:
    return load_file(next((folder / part).glob("*.safetensors")))


def _transformer(tensors: Tensors) -> Tensors:
    found = {"pos_embed": tensors["pos_embed.pos_embed"]}
    for key, value in tensors.items():
        stem, _, kind = key.rpartition(".")
        if stem in _OUTSIDE:
            found[f"{_OUTSIDE[stem]}.{kind}"] = value
        elif stem == "norm_out.linear":
            found[f"final_layer.adaLN_modulation.1.{kind}"] = _shift_first(value)
        elif match := re.match(r"transformer_blocks\.(\d+)\.(.*)", stem):
            found |= _block(tensors, int(match[1]), match[2], kind, value)
    return found


def _block(tensors: Tensors, block: int, name: str, kind: str, value: torch.Tensor) -> Tensors:
    for old, three in _TOGETHER.items():
        if name == three[0]:
            whole = torch.cat([tensors[f"transformer_blocks.{block}.{one}.{kind}"] for one in three])
            return {f"joint_blocks.{block}.{old}.qkv.{kind}": whole}
    if name not in _INSIDE:
        return {}
    last = name == "norm1_context.linear" and block == _LAYERS - 1
    return {f"joint_blocks.{block}.{_INSIDE[name]}.{kind}": _shift_first(value) if last else value}


def _shift_first(value: torch.Tensor) -> torch.Tensor:
    scale, shift = value.chunk(2)
    return torch.cat([shift, scale])

"""The tensors of a part by diffusers' and transformers' names.

The mappings of transformers and VAEs are diffusers' own. That of SANA-Sprint, whose files its authors
publish as pickles, follows diffusers' conversion script; that of a language model llama.cpp's names.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from safetensors import safe_open

from convert.source.configs import numbers
from convert.source.kinds import Shapes
from convert.source.pieces import Piece

Tensors = dict[str, Any]

_LLAMA = {
    "token_embd": "embed_tokens",
    "output_norm": "norm",
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_SANA = {
    r"x_embedder\.proj\.": "patch_embed.proj.",
    r"y_embedder\.y_proj\.fc(\d)\.": r"caption_projection.linear_\1.",
    r"t_embedder\.mlp\.0\.": "time_embed.timestep_embedder.linear_1.",
    r"t_embedder\.mlp\.2\.": "time_embed.timestep_embedder.linear_2.",
    r"cfg_embedder\.mlp\.0\.": "time_embed.guidance_embedder.linear_1.",
    r"cfg_embedder\.mlp\.2\.": "time_embed.guidance_embedder.linear_2.",
    r"t_block\.1\.": "time_embed.linear.",
    r"attention_y_norm\.": "caption_norm.",
    r"final_layer\.linear\.": "proj_out.",
    r"final_layer\.scale_shift_table": "scale_shift_table",
    r"blocks\.(\d+)\.scale_shift_table": r"transformer_blocks.\1.scale_shift_table",
    r"blocks\.(\d+)\.attn\.proj\.": r"transformer_blocks.\1.attn1.to_out.0.",
    r"blocks\.(\d+)\.attn\.([qk])_norm\.": r"transformer_blocks.\1.attn1.norm_\2.",
    r"blocks\.(\d+)\.cross_attn\.proj\.": r"transformer_blocks.\1.attn2.to_out.0.",
    r"blocks\.(\d+)\.cross_attn\.q_linear\.": r"transformer_blocks.\1.attn2.to_q.",
    r"blocks\.(\d+)\.cross_attn\.([qk])_norm\.": r"transformer_blocks.\1.attn2.norm_\2.",
    r"blocks\.(\d+)\.mlp\.(inverted|depth|point)_conv\.conv\.": r"transformer_blocks.\1.ff.conv_\2.",
}
_SANA_TOGETHER = {
    r"blocks\.(\d+)\.attn\.qkv\.(\w+)": (r"transformer_blocks.\1.attn1.to_{}.\2", "qkv"),
    r"blocks\.(\d+)\.cross_attn\.kv_linear\.(\w+)": (r"transformer_blocks.\1.attn2.to_{}.\2", "kv"),
}
_SANA_UNUSED = ("y_embedder.y_embedding", "pos_embed", "logvar_linear.weight", "logvar_linear.bias")
_INNER = "model."
"""What transformers puts before the names of the part of a language model that reads."""


def piece_tensors(path: Path, piece: Piece) -> Tensors:
    """The part's tensors. Raises BrokenModel, and KeyError and the like for names that are none."""
    with cast(Any, safe_open(path, framework="pt")) as file:
        return _renamed(piece, {name: file.get_tensor(key) for name, key in piece.keys.items()})


def piece_shapes(shapes: Shapes, piece: Piece) -> dict[str, tuple[int, ...]]:
    """The shapes that they will have, from the file's; nothing is read. Raises as `piece_tensors`."""
    import torch

    empty = {name: torch.empty(shapes[key], device="meta") for name, key in piece.keys.items()}
    return {name: tuple(tensor.shape) for name, tensor in _renamed(piece, empty).items()}


def _renamed(piece: Piece, stored: Tensors) -> Tensors:
    if piece.part == "text_encoder":
        return _language_model(stored, piece.naming)
    if piece.naming != "original":
        return stored
    return _autoencoder(stored) if piece.part == "vae" else _TRANSFORMERS[piece.family](stored)


def _language_model(stored: Tensors, naming: str) -> Tensors:
    if naming == "original":
        stored = {_from_llama(name): tensor for name, tensor in stored.items()}
    kept = ("embed_tokens.", "layers.", "norm.")
    return {_INNER + name: tensor for name, tensor in stored.items() if name.startswith(kept)}


def _from_llama(name: str) -> str:
    stem, _, kind = name.rpartition(".")
    match = re.fullmatch(r"blk\.(\d+)\.(\w+)", stem)
    block, plain = (f"layers.{match[1]}.", match[2]) if match else ("", stem)
    return f"{block}{_LLAMA.get(plain, plain)}.{kind}"


def _autoencoder(stored: Tensors) -> Tensors:
    """Black Forest Labs' second one keeps its outermost convolutions inside the halves, and has norms."""
    for side, conv in {"encoder.": "quant_conv", "decoder.": "post_quant_conv"}.items():
        for kind in ("weight", "bias"):
            if (inside := f"{side}{conv}.{kind}") in stored:
                stored[f"{conv}.{kind}"] = stored.pop(inside)
    norms = {name: tensor for name, tensor in stored.items() if name.startswith("bn.")}
    levels = [0] * len(numbers(stored, r"encoder\.down\.(\d+)\.block\.0\.conv1\.weight"))
    config = {"down_block_types": levels, "up_block_types": levels}
    return {**_mapping().convert_ldm_vae_checkpoint(stored, config), **norms}


def _flux2(stored: Tensors) -> Tensors:
    return _mapping().convert_flux2_transformer_checkpoint_to_diffusers(stored)


def _zimage(stored: Tensors) -> Tensors:
    return _mapping().convert_z_image_transformer_checkpoint_to_diffusers(stored)


def _sana(stored: Tensors) -> Tensors:
    found: Tensors = {}
    for name, tensor in stored.items():
        if name not in _SANA_UNUSED:
            found |= _sana_split(name, tensor) or {_sana_name(name): tensor}
    return found


def _sana_split(name: str, tensor: Any) -> Tensors:
    for pattern, (new, letters) in _SANA_TOGETHER.items():
        if match := re.fullmatch(pattern, name):
            parts = tensor.chunk(len(letters))
            return {match.expand(new).format(each): part for each, part in zip(letters, parts, strict=True)}
    return {}


def _sana_name(name: str) -> str:
    for pattern, new in _SANA.items():
        if re.match(pattern, name):
            return re.sub(f"^{pattern}", new, name)
    return name


_TRANSFORMERS: dict[str, Callable[[Tensors], Tensors]] = {"flux2": _flux2, "zimage": _zimage, "sana": _sana}


def _mapping() -> Any:
    from diffusers.loaders import single_file_utils

    return single_file_utils

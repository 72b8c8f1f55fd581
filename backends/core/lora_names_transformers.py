"""What the makers' own code calls the layers of a transformer: trainers and ComfyUI have these names.

There, queries, keys and values are one layer, and some layers give shift and scale in the other order. By the
class in model_index.json. The names are those of Stability's sd3-ref (mmdit.py), Black Forest Labs' flux2
(model.py), Z-Image and SANA, as diffusers converts them (loaders/single_file_utils.py, scripts/convert_*.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from backends.core.lora_places import Piece, Place

_BLOCK = re.compile(r"([a-z_]+)\.(\d+)\.(.+)")


@dataclass(frozen=True)
class _Names:
    """The maker's names by ours: of layers outside of blocks, of blocks, and of the layers in each.

    `swapped` are our layers whose shift and scale change places; {last} is the number of the last block.
    """

    outer: Mapping[str, str]
    blocks: Mapping[str, str]
    within: Mapping[str, Mapping[str, tuple[str, ...]]]
    swapped: frozenset[str] = frozenset()


def makers_names(kind: str, layers: Iterable[str]) -> dict[str, Place]:
    """The maker's names in a transformer of this class -> where each is. Only of layers that are there."""
    if (names := _KINDS.get(kind)) is None:
        return {}
    there = set(layers)
    outer = {theirs: (layer,) for layer, theirs in names.outer.items()}
    inner = {name: parts for layer in there for name, parts in _in_block(names, layer)}
    swapped = {layer.format(last=_last(there)) for layer in names.swapped}
    return {
        name: _place(parts, swapped=parts[0] in swapped)
        for name, parts in (outer | inner).items()
        if there.issuperset(parts)
    }


def _last(layers: Iterable[str]) -> int:
    """The number of the last of "transformer_blocks"."""
    matches = (_BLOCK.fullmatch(layer) for layer in layers)
    return max((int(match[2]) for match in matches if match and match[1] == "transformer_blocks"), default=-1)


def _in_block(names: _Names, layer: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The maker's names of what this layer is the first part of."""
    match = _BLOCK.fullmatch(layer)
    if match is None or match[1] not in names.blocks:
        return
    stem = f"{match[1]}.{match[2]}"
    for theirs, parts in names.within[match[1]].items():
        if parts[0] == match[3]:
            yield f"{names.blocks[match[1]]}.{match[2]}.{theirs}", tuple(f"{stem}.{part}" for part in parts)


def _place(parts: tuple[str, ...], *, swapped: bool) -> Place:
    if swapped:
        return (Piece(parts[0], 1, 2), Piece(parts[0], 0, 2))
    return tuple(Piece(part) for part in parts)


def _three(stem: str) -> tuple[str, ...]:
    return tuple(f"{stem}.to_{name}" for name in "qkv")


_ADDED = ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj")
_SD3 = _Names(
    outer={
        "pos_embed.proj": "x_embedder.proj",
        "context_embedder": "context_embedder",
        "time_text_embed.timestep_embedder.linear_1": "t_embedder.mlp.0",
        "time_text_embed.timestep_embedder.linear_2": "t_embedder.mlp.2",
        "time_text_embed.text_embedder.linear_1": "y_embedder.mlp.0",
        "time_text_embed.text_embedder.linear_2": "y_embedder.mlp.2",
        "norm_out.linear": "final_layer.adaLN_modulation.1",
        "proj_out": "final_layer.linear",
    },
    blocks={"transformer_blocks": "joint_blocks"},
    within={
        "transformer_blocks": {
            "x_block.attn.qkv": _three("attn"),
            "x_block.attn.proj": ("attn.to_out.0",),
            "x_block.attn.ln_q": ("attn.norm_q",),
            "x_block.attn.ln_k": ("attn.norm_k",),
            "x_block.attn2.qkv": _three("attn2"),
            "x_block.attn2.proj": ("attn2.to_out.0",),
            "x_block.attn2.ln_q": ("attn2.norm_q",),
            "x_block.attn2.ln_k": ("attn2.norm_k",),
            "x_block.mlp.fc1": ("ff.net.0.proj",),
            "x_block.mlp.fc2": ("ff.net.2",),
            "x_block.adaLN_modulation.1": ("norm1.linear",),
            "context_block.attn.qkv": _ADDED,
            "context_block.attn.proj": ("attn.to_add_out",),
            "context_block.attn.ln_q": ("attn.norm_added_q",),
            "context_block.attn.ln_k": ("attn.norm_added_k",),
            "context_block.mlp.fc1": ("ff_context.net.0.proj",),
            "context_block.mlp.fc2": ("ff_context.net.2",),
            "context_block.adaLN_modulation.1": ("norm1_context.linear",),
        },
    },
    swapped=frozenset({"norm_out.linear", "transformer_blocks.{last}.norm1_context.linear"}),
)
_FLUX2 = _Names(
    outer={
        "x_embedder": "img_in",
        "context_embedder": "txt_in",
        "time_guidance_embed.timestep_embedder.linear_1": "time_in.in_layer",
        "time_guidance_embed.timestep_embedder.linear_2": "time_in.out_layer",
        "time_guidance_embed.guidance_embedder.linear_1": "guidance_in.in_layer",
        "time_guidance_embed.guidance_embedder.linear_2": "guidance_in.out_layer",
        "double_stream_modulation_img.linear": "double_stream_modulation_img.lin",
        "double_stream_modulation_txt.linear": "double_stream_modulation_txt.lin",
        "single_stream_modulation.linear": "single_stream_modulation.lin",
        "norm_out.linear": "final_layer.adaLN_modulation.1",
        "proj_out": "final_layer.linear",
    },
    blocks={"transformer_blocks": "double_blocks", "single_transformer_blocks": "single_blocks"},
    within={
        "transformer_blocks": {
            "img_attn.qkv": _three("attn"),
            "img_attn.proj": ("attn.to_out.0",),
            "img_attn.norm.query_norm": ("attn.norm_q",),
            "img_attn.norm.key_norm": ("attn.norm_k",),
            "img_mlp.0": ("ff.linear_in",),
            "img_mlp.2": ("ff.linear_out",),
            "txt_attn.qkv": _ADDED,
            "txt_attn.proj": ("attn.to_add_out",),
            "txt_attn.norm.query_norm": ("attn.norm_added_q",),
            "txt_attn.norm.key_norm": ("attn.norm_added_k",),
            "txt_mlp.0": ("ff_context.linear_in",),
            "txt_mlp.2": ("ff_context.linear_out",),
        },
        "single_transformer_blocks": {
            "linear1": ("attn.to_qkv_mlp_proj",),
            "linear2": ("attn.to_out",),
            "norm.query_norm": ("attn.norm_q",),
            "norm.key_norm": ("attn.norm_k",),
        },
    },
    swapped=frozenset({"norm_out.linear"}),
)
_ZIMAGE_BLOCKS = ("layers", "noise_refiner", "context_refiner")
_ZIMAGE_ATTENTION = {
    "attention.qkv": _three("attention"),
    "attention.out": ("attention.to_out.0",),
    "attention.q_norm": ("attention.norm_q",),
    "attention.k_norm": ("attention.norm_k",),
}
_ZIMAGE = _Names(
    outer={
        "all_x_embedder.2-1": "x_embedder",
        "all_final_layer.2-1.linear": "final_layer.linear",
        "all_final_layer.2-1.adaLN_modulation.1": "final_layer.adaLN_modulation.1",
    },
    blocks={name: name for name in _ZIMAGE_BLOCKS},
    within=dict.fromkeys(_ZIMAGE_BLOCKS, _ZIMAGE_ATTENTION),
)
_SANA = _Names(
    outer={
        "patch_embed.proj": "x_embedder.proj",
        "time_embed.timestep_embedder.linear_1": "t_embedder.mlp.0",
        "time_embed.timestep_embedder.linear_2": "t_embedder.mlp.2",
        "time_embed.guidance_embedder.linear_1": "cfg_embedder.mlp.0",
        "time_embed.guidance_embedder.linear_2": "cfg_embedder.mlp.2",
        "time_embed.linear": "t_block.1",
        "caption_projection.linear_1": "y_embedder.y_proj.fc1",
        "caption_projection.linear_2": "y_embedder.y_proj.fc2",
        "caption_norm": "attention_y_norm",
        "proj_out": "final_layer.linear",
    },
    blocks={"transformer_blocks": "blocks"},
    within={
        "transformer_blocks": {
            "attn.qkv": _three("attn1"),
            "attn.proj": ("attn1.to_out.0",),
            "attn.q_norm": ("attn1.norm_q",),
            "attn.k_norm": ("attn1.norm_k",),
            "cross_attn.q_linear": ("attn2.to_q",),
            "cross_attn.kv_linear": ("attn2.to_k", "attn2.to_v"),
            "cross_attn.proj": ("attn2.to_out.0",),
            "cross_attn.q_norm": ("attn2.norm_q",),
            "cross_attn.k_norm": ("attn2.norm_k",),
            "mlp.inverted_conv.conv": ("ff.conv_inverted",),
            "mlp.depth_conv.conv": ("ff.conv_depth",),
            "mlp.point_conv.conv": ("ff.conv_point",),
        },
    },
)
_KINDS = {
    "SD3Transformer2DModel": _SD3,
    "Flux2Transformer2DModel": _FLUX2,
    "ZImageTransformer2DModel": _ZIMAGE,
    "SanaTransformer2DModel": _SANA,
}

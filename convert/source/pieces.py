"""The parts of a Z-Image, FLUX.2 klein or SANA-Sprint model in a single file, told by their tensors' names.

A part's names may stand behind any prefix: none, as in a file of its own, or ComfyUI's for whole models
("model.diffusion_model.", "text_encoders.qwen3_4b.transformer.", "vae.").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from backends.core.contract import BrokenModel
from convert.source.kinds import Shapes

TITLES = {"flux2": "FLUX.2 klein", "zimage": "Z-Image", "sana": "SANA-Sprint"}
"""Families whose single files are parts, by id, as people call them."""
WORDS = {"transformer": "transformer", "text_encoder": "text encoder", "vae": "VAE"}
"""The parts of each."""


@dataclass(frozen=True)
class Piece:
    """A part of a model. `family` is "" where several have such a part, `naming` is whose names its tensors
    have ("original": its makers'), `keys` the file's names by these."""

    family: str
    part: str
    naming: str
    keys: Mapping[str, str]


_CONV = "decoder.conv_in.weight"
_MARKS: Mapping[tuple[str, str, str], tuple[str, ...]] = {
    ("flux2", "transformer", "original"): (
        "double_stream_modulation_img.lin.weight",
        "double_blocks.0.img_attn.qkv.weight",
    ),
    ("flux2", "transformer", "diffusers"): (
        "double_stream_modulation_img.linear.weight",
        "transformer_blocks.0.attn.to_q.weight",
    ),
    ("zimage", "transformer", "original"): (
        "x_pad_token",
        "cap_pad_token",
        "noise_refiner.0.attention.qkv.weight",
    ),
    ("zimage", "transformer", "diffusers"): (
        "x_pad_token",
        "cap_pad_token",
        "noise_refiner.0.attention.to_q.weight",
    ),
    ("sana", "transformer", "original"): (
        "cfg_embedder.mlp.0.weight",
        "blocks.0.mlp.inverted_conv.conv.weight",
    ),
    ("sana", "transformer", "diffusers"): (
        "time_embed.guidance_embedder.linear_1.weight",
        "transformer_blocks.0.ff.conv_inverted.weight",
    ),
    ("", "text_encoder", "diffusers"): ("layers.0.self_attn.q_norm.weight", "embed_tokens.weight"),
    ("", "text_encoder", "original"): ("blk.0.attn_q_norm.weight", "token_embd.weight"),
    ("", "vae", "original"): ("decoder.mid.block_1.conv1.weight", _CONV),
    ("", "vae", "diffusers"): ("decoder.mid_block.resnets.0.conv1.weight", _CONV),
}
"""By family, part and whose names: names that tell them. Lumina is built like Z-Image, but has no tokens that
fill up; Sana without Sprint has no guidance; Qwen2 has no norms of queries."""
_DEV = "guidance_in.in_layer.weight"
_BATCH_NORM = "bn.running_mean"
_FEW = 8


def find_pieces(name: str, shapes: Shapes) -> dict[str, Piece]:
    """By part; {} for a file of another kind. Raises BrokenModel for a larger sister of these models."""
    found: dict[str, Piece] = {}
    for (family, part, naming), marks in _MARKS.items():
        prefix = _prefix(shapes, marks)
        if prefix is None or part in found:
            continue
        keys = {key.removeprefix(prefix): key for key in shapes if key.startswith(prefix)}
        if part == "vae" and _BATCH_NORM in keys:
            family = "flux2"
        if family == "flux2" and _DEV in keys:
            raise BrokenModel(
                f"{name} is FLUX.2 dev, which this version can't run.", "Use FLUX.2 klein, which is smaller."
            )
        found[part] = Piece(family, part, naming, keys)
    return found


def _prefix(shapes: Shapes, marks: tuple[str, ...]) -> str | None:
    """What stands before all of the marks; None when any is absent."""
    first, *others = marks
    for key in shapes:
        prefix = key.removesuffix(first)
        whole = key.endswith(first) and (not prefix or prefix.endswith("."))
        if whole and all(prefix + other in shapes for other in others):
            return prefix
    return None


def family_of(pieces: Mapping[str, Piece]) -> str:
    """The family that the parts are of; "" where they could be of several. Parts of two are two models'."""
    found = {piece.family for piece in pieces.values()} - {""}
    return found.pop() if len(found) == 1 else ""


def are_all(pieces: Mapping[str, Piece], shapes: Shapes) -> bool:
    """Whether the parts are all that their file holds, but for a few tensors that nobody needs."""
    return len(shapes) - sum(len(piece.keys) for piece in pieces.values()) <= _FEW

"""What Stability's own code calls the layers of a UNet: kohya's scripts have these names for SDXL
(`input_blocks_4_1_...`), ComfyUI for every UNet.
"""

from __future__ import annotations

import re

_OUTER = {
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
}
_MIDDLE = {"resnets.0": "0", "attentions.0": "1", "resnets.1": "2"}
_IN_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_BLOCK = re.compile(r"(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.+)")
_MIDDLE_LAYER = re.compile(r"mid_block\.(resnets\.\d|attentions\.\d)\.(.+)")


def stabilitys_name(layer: str, layers: list[str]) -> str | None:
    """Of a layer of the UNet that has these layers; None where there is none."""
    if layer in _OUTER:
        return _OUTER[layer]
    if match := _MIDDLE_LAYER.fullmatch(layer):
        return f"middle_block.{_MIDDLE[match[1]]}.{_inner(match[1], match[2])}"
    if match := _BLOCK.fullmatch(layer):
        side, block, kind, number, rest = match[1], int(match[2]), match[3], int(match[4]), match[5]
        return _in_block(side, block, kind, number, rest, layers)
    return None


def _in_block(side: str, block: int, kind: str, number: int, rest: str, layers: list[str]) -> str:
    """Stability's code counts through; on the way down a sampler is a place of its own, going up a layer."""
    many = _resnets(layers, "down_blocks.0")
    if side == "down":
        if kind == "downsamplers":
            return f"input_blocks.{(block + 1) * (many + 1)}.0.{rest.replace('conv', 'op')}"
        place = 1 + block * (many + 1) + number
        return f"input_blocks.{place}.{int(kind == 'attentions')}.{_inner(kind, rest)}"
    if kind == "upsamplers":
        attends = any(name.startswith(f"up_blocks.{block}.attentions.") for name in layers)
        return f"output_blocks.{block * (many + 1) + many}.{2 if attends else 1}.{rest}"
    return f"output_blocks.{block * (many + 1) + number}.{int(kind == 'attentions')}.{_inner(kind, rest)}"


def _inner(kind: str, rest: str) -> str:
    return _IN_RESNET.get(rest, rest) if kind.startswith("resnets") else rest


def _resnets(layers: list[str], block: str) -> int:
    numbers = {name.split(".")[3] for name in layers if name.startswith(f"{block}.resnets.")}
    return len(numbers)

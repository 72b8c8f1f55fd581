"""How a layer's weight is packed into eight or four bits, and how it is unpacked.

The formats are ComfyUI's, as comfy-kitchen (Apache-2.0) defines them: eight-bit floats with a scale;
eight-bit integers, which may be rotated by a Hadamard matrix in groups of columns; and floats with a scale
for each 32 (MXFP8, OCP's microscaling) or 16 (NVFP4) of a row, whose scales lie in the tiles that cuBLAS
wants (docs.nvidia.com/cuda/cublas, "Block scaling factors layout").
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

_FOUR_BITS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
"""The numbers of e2m1 by its last three bits; the first is the sign."""
_TALL, _WIDE = 128, 4
"""Rows and columns of a tile of scales."""
_MOST_ROTATED = 4096
_BLOCK = 128
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Packed:
    """A weight as it is stored, its scale or scales, and what is told of it: its "format" and more."""

    stored: Any
    scale: Any
    second_scale: Any
    told: Mapping[str, Any]


def unpack(packed: Packed) -> Any:
    """The weight in float32. Raises ValueError and the like when its parts do not fit together."""
    name = packed.told.get("format")
    return FORMATS[name](packed) if name in FORMATS else _scaled(packed)


def _scaled(packed: Packed) -> Any:
    stored = packed.stored.float()
    return stored * _spread(packed.scale.float(), tuple(stored.shape))


def _spread(scale: Any, shape: Shape) -> Any:
    """One scale for the whole weight, for each row or for each block."""
    if scale.numel() == 1:
        return scale.reshape(())
    if shape and scale.ndim and scale.numel() == scale.shape[0] == shape[0]:
        return scale.reshape(-1, *[1] * (len(shape) - 1))
    tall, wide = (_side(whole, blocks) for whole, blocks in zip(shape, scale.shape, strict=True))
    return scale.repeat_interleave(tall, 0)[: shape[0]].repeat_interleave(wide, 1)[:, : shape[1]]


def _side(whole: int, blocks: int) -> int:
    """How long a block is: 128 as in Hugging Face's files, whose last one may be cut, or a whole part."""
    if math.ceil(whole / _BLOCK) == blocks:
        return _BLOCK
    if not blocks or whole % blocks:
        raise ValueError("scales that cover other blocks")
    return whole // blocks


def _integers(packed: Packed) -> Any:
    whole = _scaled(packed)
    inner: object = packed.told.get("params")
    told = {**(cast(dict[str, Any], inner) if isinstance(inner, dict) else {}), **packed.told}
    return _turned_back(whole, int(told.get("convrot_groupsize", 256))) if told.get("convrot") else whole


def _turned_back(weight: Any, group: int) -> Any:
    """Each group of columns times the Hadamard matrix, which is its own inverse."""
    if not 4 <= group <= _MOST_ROTATED:
        raise ValueError("a rotation of no size")
    rows, columns = weight.shape
    return (weight.reshape(rows, columns // group, group) @ _hadamard(group)).reshape(rows, columns)


def _hadamard(size: int) -> Any:
    """The regular one, of a power of 4."""
    import torch

    four = 1.0 - 2.0 * torch.eye(4).flip(1)
    whole = four
    while len(whole) < size:
        whole = torch.kron(whole, four)
    if len(whole) != size:
        raise ValueError("a rotation that is no power of 4")
    return whole / math.sqrt(size)


def _micro_scaled(packed: Packed) -> Any:
    """MXFP8: scales are powers of two."""
    import torch

    scales = torch.exp2(packed.scale.view(torch.uint8).float() - 127)
    return _in_blocks(packed.stored.float(), scales, 32)


def _four_bits(packed: Packed) -> Any:
    """NVFP4: the first of two numbers is in the higher half of the byte."""
    import torch

    table = torch.tensor([*_FOUR_BITS, *(-each for each in _FOUR_BITS)])
    halves = torch.stack([packed.stored >> 4, packed.stored & 15], dim=-1).flatten(-2)
    scales = packed.scale.float() * packed.second_scale.float().reshape(())
    return _in_blocks(table[halves.int()], scales, 16)


def _in_blocks(whole: Any, scales: Any, block: int) -> Any:
    rows, columns = whole.shape
    straight = _untiled(scales, rows, columns // block)
    return (whole.reshape(rows, -1, block) * straight[:, :, None]).reshape(rows, columns)


def _untiled(scales: Any, rows: int, columns: int) -> Any:
    """Tiles of 128 x 4 lie one after the other, in each of them four rows that are 32 apart side by side."""
    tall, wide = math.ceil(rows / _TALL), math.ceil(columns / _WIDE)
    tiles = scales.reshape(tall, wide, _TALL // 4, 4, _WIDE)
    return tiles.permute(0, 3, 2, 1, 4).reshape(tall * _TALL, wide * _WIDE)[:rows, :columns]


FORMATS: Mapping[object, Callable[[Packed], Any]] = {
    "float8_e4m3fn": _scaled,
    "float8_e5m2": _scaled,
    "int8_tensorwise": _integers,
    "mxfp8": _micro_scaled,
    "nvfp4": _four_bits,
}
"""By the names that ComfyUI's files use."""

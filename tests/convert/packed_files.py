"""Weights packed into few bits, as ComfyUI's files have them, by hand, beside the numbers they stand for."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import torch

Tensors = dict[str, torch.Tensor]
Layer = tuple[Tensors, torch.Tensor]
"""A layer's tensors by what follows its name, and its weight as numbers."""
GROUP = 16


def pack(
    tensors: Tensors, style: str, whole: torch.dtype = torch.bfloat16
) -> tuple[Tensors, Tensors, dict[str, str]]:
    """The tensors with each matrix that can be packed so; the same with what they stand for; and metadata."""
    packed, plain, layers = dict(tensors), dict(tensors), dict[str, dict[str, object]]()
    for name, each in tensors.items():
        if not name.endswith(".weight") or each.ndim != 2 or each.shape[1] % 32 or "embed" in name:
            continue
        layer = name.removesuffix(".weight")
        parts, numbers = STYLES[style](each.float())
        del packed[name]
        packed |= {f"{layer}{end}": part for end, part in parts.items()}
        plain[name] = numbers.to(whole)
        layers[layer] = {"format": style}
    if style == "marker":
        packed["scaled_fp8"] = torch.zeros(2, dtype=torch.float8_e4m3fn)
    told = {"_quantization_metadata": json.dumps({"layers": layers})} if style in ("mxfp8", "nvfp4") else {}
    return packed, plain, told


def marked(told: dict[str, object]) -> torch.Tensor:
    """A `comfy_quant` tensor: a line of JSON, byte by byte."""
    return torch.tensor(list(json.dumps(told).encode()), dtype=torch.uint8)


def _eight(weight: torch.Tensor, scale: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    stored = (weight / scale).to(torch.float8_e4m3fn)
    return stored, stored.float() * scale


def _plain(weight: torch.Tensor) -> Layer:
    stored, numbers = _eight(weight, torch.tensor(1.0))
    return {".weight": stored}, numbers


def _marker(weight: torch.Tensor) -> Layer:
    scale = weight.abs().max() / 448
    stored, numbers = _eight(weight, scale)
    aside = {".scale_weight": scale.reshape(1), ".scale_input": torch.tensor(0.5)}
    return {".weight": stored, **aside}, numbers


def _rows(weight: torch.Tensor) -> Layer:
    scale = weight.abs().amax(1, keepdim=True) / 448
    stored, numbers = _eight(weight, scale)
    told = marked({"format": "float8_e4m3fn"})
    return {".weight": stored, ".weight_scale": scale.flatten(), ".comfy_quant": told}, numbers


def _blocks(weight: torch.Tensor) -> Layer:
    """Of 16 x 16, or of all rows where these don't divide."""
    side = 16 if len(weight) % 16 == 0 else len(weight)
    scale = torch.rand(len(weight) // side, weight.shape[1] // 16) * 0.01 + 0.001
    stored, numbers = _eight(weight, torch.kron(scale, torch.ones(side, 16)))
    return {".weight": stored, ".weight_scale_inv": scale}, numbers


def _integers(weight: torch.Tensor) -> Layer:
    scale = weight.abs().amax(1, keepdim=True) / 127
    stored = (weight / scale).round().to(torch.int8)
    told = marked({"format": "int8_tensorwise"})
    return {".weight": stored, ".weight_scale": scale, ".comfy_quant": told}, stored.float() * scale


def _rotated(weight: torch.Tensor) -> Layer:
    turn = torch.block_diag(*[_hadamard(GROUP)] * (weight.shape[1] // GROUP))
    parts, numbers = _integers(weight @ turn.T)
    told = marked({"format": "int8_tensorwise", "convrot": True, "convrot_groupsize": GROUP})
    return {**parts, ".comfy_quant": told}, numbers @ turn


def _hadamard(size: int) -> torch.Tensor:
    """The regular one: each digit of row and column, to the base of 4, that sums up to 3 turns the sign."""

    def sign(row: int, column: int) -> float:
        turned = 0
        for _ in range(round(math.log(size, 4))):
            turned += row % 4 + column % 4 == 3
            row, column = row // 4, column // 4
        return (-1.0) ** turned

    return torch.tensor([[sign(r, c) for c in range(size)] for r in range(size)]) / math.sqrt(size)


def _micro(weight: torch.Tensor) -> Layer:
    powers = torch.full((len(weight), weight.shape[1] // 32), 120, dtype=torch.uint8)
    powers += torch.arange(powers.numel(), dtype=torch.uint8).reshape(powers.shape) % 5
    stored, numbers = _eight(weight, torch.exp2(powers.float() - 127).repeat_interleave(32, 1))
    return {".weight": stored, ".weight_scale": tiled(powers).view(torch.float8_e8m0fnu)}, numbers


def _four(weight: torch.Tensor) -> Layer:
    whole = weight.abs().max() / (6 * 448)
    scales = (weight.unflatten(1, (-1, 16)).abs().amax(2) / 6 / whole).to(torch.float8_e4m3fn)
    full = (scales.float() * whole).repeat_interleave(16, 1).clamp(min=1e-12)
    values = torch.tensor([0.0, 0.5, 1, 1.5, 2, 3, 4, 6])
    nearest = ((weight / full).abs()[..., None] - values).abs().argmin(-1)
    codes = (nearest + 8 * (weight < 0)).to(torch.uint8)
    stored = codes[:, ::2] * 16 + codes[:, 1::2]
    numbers = values[nearest] * torch.where(weight < 0, -1, 1) * full
    aside = {".weight_scale": tiled(scales), ".weight_scale_2": whole.float()}
    return {".weight": stored, **aside}, numbers


def tiled(scales: torch.Tensor) -> torch.Tensor:
    """In cuBLAS' tiles of 128 x 4: (row, column) of a tile lies at row % 32 * 16 + row // 32 * 4 + column."""
    rows, columns = scales.shape
    tall, wide = math.ceil(rows / 128), math.ceil(columns / 4)
    flat = torch.zeros(tall * wide * 512, dtype=torch.uint8)
    plain = scales.view(torch.uint8)
    for row in range(rows):
        for column in range(columns):
            tile = row // 128 * wide + column // 4
            flat[tile * 512 + row % 32 * 16 + row % 128 // 32 * 4 + column % 4] = plain[row, column]
    return flat.reshape(tall * 128, wide * 4).view(scales.dtype)


STYLES: dict[str, Callable[[torch.Tensor], Layer]] = {
    "plain": _plain,
    "marker": _marker,
    "rows": _rows,
    "blocks": _blocks,
    "integers": _integers,
    "rotated": _rotated,
    "mxfp8": _micro,
    "nvfp4": _four,
}

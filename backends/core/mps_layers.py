"""What networks need on Apple's GPU: contiguous arrays for convolutions, and no array that is too large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from backends.core.autoencoders import scale, widths
from backends.core.model_folder import ModelFolder
from backends.core.parts import load_on_device
from backends.core.placement import Placement
from backends.core.tiling import SMALL_TILES, TILES, DecodeWay

LARGEST_ARRAY = 2**32
"""Bytes that one Metal array may hold (pytorch#149261)."""


def load_contiguous(folder: ModelFolder, part: str, placement: Placement) -> Any:
    """A part on the device, whose convolutions get contiguous arrays (pytorch#169342, #192212)."""
    module = load_on_device(folder, part, placement)
    keep_contiguous(module)
    return module


def keep_contiguous(module: nn.Module) -> None:
    """From now on each convolution copies an input that is a view, or channels-last."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_pre_hook(_contiguous)


def _contiguous(layer: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (inputs[0].contiguous(), *inputs[1:])


@dataclass(frozen=True)
class BoundedDecode(DecodeWay):
    """At once while every array stays below LARGEST_ARRAY, else in tiles."""

    def decode(self, vae: Any, latents: Tensor) -> Tensor:
        way = (
            DecodeWay(self.words)
            if largest_array(vae, latents) < LARGEST_ARRAY
            else TILES.scaled(scale(vae.config))
        )
        return way.decode(vae, latents)


def largest_array(vae: Any, latents: Tensor) -> int:
    """Bytes of the largest array of decoding at once: at full size, before the last block."""
    side = scale(vae.config)
    height, width = latents.shape[-2] * side, latents.shape[-1] * side
    return max(widths(vae.config)[:2]) * height * width * latents.element_size()


DECODE_WAYS = (BoundedDecode("at once"), TILES, SMALL_TILES)

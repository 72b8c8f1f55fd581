"""Ways to decode: the picture at once, or in tiles that overlap and are blended (diffusers' own).

Tiles need less memory and give a slightly other picture: group normalisation sees a tile, not the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

_OVERLAP = 0.25


@dataclass(frozen=True)
class DecodeWay:
    """One way to decode. `tile` is a tile's side in latents, or None for the whole picture."""

    words: str
    tile: int | None = None

    def covers(self, height: int, width: int) -> tuple[int, int]:
        """Latents that are decoded at once."""
        return (height, width) if self.tile is None else (min(self.tile, height), min(self.tile, width))

    def decode(self, vae: Any, latents: Tensor) -> Tensor:
        """(1, C, h, w) unscaled latents -> (1, 3, H, W)."""
        if self.tile is None or max(latents.shape[-2:]) <= self.tile:
            vae.disable_tiling()
        else:
            scale = 2 ** (len(vae.config.block_out_channels) - 1)
            vae.enable_tiling()
            vae.tile_latent_min_size, vae.tile_sample_min_size = self.tile, self.tile * scale
            vae.tile_overlap_factor = _OVERLAP
        return vae.decode(latents, return_dict=False)[0]


WHOLE = DecodeWay("at once")
TILES = DecodeWay("in tiles", 64)
SMALL_TILES = DecodeWay("in small tiles", 32)
ALL_WAYS = (WHOLE, TILES, SMALL_TILES)

"""Ways to decode: the picture at once, or in tiles that overlap and are blended (diffusers' own).

Tiles need less memory and give a slightly other picture: group normalisation sees a tile, not the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from backends.core.autoencoders import decode_in_tiles

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
            return vae.decode(latents, return_dict=False)[0]
        return decode_in_tiles(vae, latents, self.tile, _OVERLAP)


WHOLE = DecodeWay("at once")
TILES = DecodeWay("in tiles", 64)
SMALL_TILES = DecodeWay("in small tiles", 32)
ALL_WAYS = (WHOLE, TILES, SMALL_TILES)

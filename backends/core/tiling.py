"""Ways to decode: the picture at once, or in tiles that overlap and are blended (diffusers' own).

Tiles need less memory and give a slightly other picture: group normalisation sees a tile, not the whole.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from backends.core import vae_tile
from backends.core.autoencoders import decode_in_tiles, tile_side

_OVERLAP = 0.25
_LEAST = 4
"""Latents a tile's side has at least."""


@dataclass(frozen=True)
class DecodeWay:
    """One way to decode. `tile` is a tile's side in latents, or None for the whole picture.

    `wanted` is one that a person chose: nothing needs to be said of it.
    """

    words: str
    tile: int | None = None
    wanted: bool = False

    def covers(self, height: int, width: int) -> tuple[int, int]:
        """Latents that are decoded at once."""
        return (height, width) if self.tile is None else (min(self.tile, height), min(self.tile, width))

    def decode(self, vae: Any, latents: Tensor) -> Tensor:
        """(1, C, h, w) unscaled latents -> (1, 3, H, W)."""
        if self.tile is None or max(latents.shape[-2:]) <= self.tile:
            vae.disable_tiling()
            return vae.decode(latents, return_dict=False)[0]
        return decode_in_tiles(vae, latents, self.tile, _OVERLAP)

    def scaled(self, pixels: int) -> DecodeWay:
        """The same for latents of so many pixels a side, where that is more than 8."""
        if self.tile is None or self.wanted:
            return self
        return replace(self, tile=tile_side(self.tile, pixels))


def ways_for(choice: str, ways: tuple[DecodeWay, ...], scale: int) -> tuple[DecodeWay, ...]:
    """Of a backend's ways, best first, those that a choice of VAE_TILE leaves. `scale`: pixels a latent."""
    if choice == vae_tile.AUTOMATIC:
        return ways
    if choice == vae_tile.WHOLE:
        return ways[:1]
    return (DecodeWay(f"in tiles of {choice} pixels", max(_LEAST, int(choice) // scale), wanted=True),)


WHOLE = DecodeWay("at once")
TILES = DecodeWay("in tiles", 64)
SMALL_TILES = DecodeWay("in small tiles", 32)
ALL_WAYS = (WHOLE, TILES, SMALL_TILES)

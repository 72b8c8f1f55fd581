"""What kinds of autoencoder differ in.

AutoencoderKL gives a mean and a deviation for each latent. AutoencoderDC (Chen et al. 2024,
arXiv:2410.10733) gives the latents themselves, 32 pixels a side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from torch import Tensor

_USUAL = 8


def widths(config: Mapping[str, Any]) -> Sequence[int]:
    """The decoder's channels at each size of its arrays, from the picture's size to the latents'."""
    found: object = config.get("block_out_channels") or config["decoder_block_out_channels"]
    return cast(Sequence[int], found)


def scale(config: Mapping[str, Any]) -> int:
    """Pixels a latent's side."""
    return 2 ** (len(widths(config)) - 1)


def tile_side(tile: int, pixels: int) -> int:
    """A tile's side, said in latents of 8 pixels, in latents of so many, which may be more."""
    return tile * _USUAL // max(_USUAL, pixels)


def moments(vae: Any, image: Tensor) -> tuple[Tensor, Tensor]:
    """(1, 3, H, W) in -1..1 -> mean and standard deviation of its latents; 0 where there is no doubt."""
    encoded = vae.encode(image)
    if hasattr(encoded, "latent_dist"):
        return encoded.latent_dist.mean, encoded.latent_dist.std
    return encoded.latent, encoded.latent.new_zeros(encoded.latent.shape)


def decode_in_tiles(vae: Any, latents: Tensor, side: int, overlap: float) -> Tensor:
    """(1, C, h, w) unscaled latents -> (1, 3, H, W), in tiles of `side` latents that are blended.

    `overlap` is the share of a tile that its neighbour has, too.
    """
    if hasattr(vae, "tile_overlap_factor"):
        vae.enable_tiling()
        vae.tile_latent_min_size, vae.tile_sample_min_size = side, side * scale(vae.config)
        vae.tile_overlap_factor = overlap
    else:
        pixels, stride = side * scale(vae.config), int(side * (1 - overlap)) * scale(vae.config)
        vae.enable_tiling(pixels, pixels, stride, stride)
    return vae.decode(latents, return_dict=False)[0]

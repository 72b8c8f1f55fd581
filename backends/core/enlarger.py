"""How the hi-res fix makes a picture's pixels larger: by an upscaler's network, else by Lanczos."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from backends.core import pictures, upscale
from backends.core.contract import LANCZOS, LATENTS
from backends.core.model_folder import sha256
from backends.core.shelf import Shelf
from backends.core.upscale import TileDone
from backends.core.upscaler_networks import Network
from backends.core.upscalers import open_upscaler


@dataclass(frozen=True)
class Enlarger:
    """`provenance` is what the record says of the network; without one it is Lanczos."""

    network: Network | None = None
    provenance: Mapping[str, str] = field(default_factory=dict[str, str])

    def __call__(self, pixels: Tensor, size: tuple[int, int]) -> Generator[TileDone, None, Tensor]:
        """(3, h, w) in 0..1 -> (1, 3, H, W) in -1..1, through 8 bits as a saved picture's."""
        made = pictures.to_picture(pixels)
        small = np.frombuffer(made.rgb, np.uint8).reshape(made.height, made.width, 3)
        larger = yield from upscale.to_size(small, size, self.network, device=upscale.best_device())
        return torch.asarray(larger.astype(np.float32) / 255.0).permute(2, 0, 1)[None] * 2.0 - 1.0


def find_enlarger(by: str, shelf: Shelf) -> Enlarger | None:
    """None where latents are made larger. Raises InvalidRequest for what isn't there, or is no upscaler."""
    if by == LATENTS:
        return None
    if by == LANCZOS:
        return Enlarger()
    path = shelf.upscaler(by)
    return Enlarger(open_upscaler(path), {"upscaler": f"{by}: {sha256(path)}"})

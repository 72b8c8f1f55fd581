"""A picture made larger by a network, in tiles that overlap, in bounded memory.

Of what two tiles share, the outer quarters (where a network lacks surroundings) are one tile's alone, and the
half between goes over from one to the other.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from backends.core.contract import InvalidRequest
from backends.core.upscaler_networks import Network

TILE, OVERLAP = 256, 32
MIN_TILE, MAX_TILE = 64, 2048
MAX_PIXELS = 100_000_000
_GRID = 4
"""Some networks work on squares of pixels, which must be the same in every tile."""


@dataclass(frozen=True)
class TileDone:
    """`done` of `of` tiles are made."""

    done: int
    of: int


@torch.inference_mode()
def enlarge(
    pixels: NDArray[np.uint8], network: Network, tile: int = TILE, device: str = "cpu"
) -> Generator[TileDone, None, NDArray[np.uint8]]:
    """(h, w, 3) bytes -> (h * scale, w * scale, 3). Closing it stops after the tile. Raises InvalidRequest.

    At once are held: the picture, the result in bytes, and one row of tiles in float32.
    """
    height, width = pixels.shape[:2]
    scale, rows, columns = network.scale, places(height, tile), places(width, tile)
    if height * width * scale**2 > MAX_PIXELS:
        raise InvalidRequest(
            f"A picture of {width * scale} x {height * scale} would be too large.",
            "Use a smaller picture or an upscaler with a smaller scale.",
        )
    result = np.empty((height * scale, width * scale, 3), np.uint8)
    above, done = None, 0
    for row, top in enumerate(rows):
        strip: Tensor | None = None
        for left in columns:
            part = pixels[top : top + tile, left : left + tile]
            strip = _joined(strip, _run(network.to(device), part, device), left * scale, axis=2)
            done += 1
            yield TileDone(done, len(rows) * len(columns))
        assert strip is not None
        whole = strip if above is None else _joined(above, strip, (top - rows[row - 1]) * scale, axis=1)
        above = whole[:, whole.shape[1] - strip.shape[1] :]
        end = rows[row + 1] if row + 1 < len(rows) else height
        result[top * scale : end * scale] = _bytes(above[:, : (end - top) * scale])
    return result


def to_size(
    pixels: NDArray[np.uint8],
    size: tuple[int, int],
    network: Network | None = None,
    tile: int = TILE,
    device: str = "cpu",
) -> Generator[TileDone, None, NDArray[np.uint8]]:
    """(h, w, 3) bytes in this width and height: by the network first, if any, and what is left by Lanczos."""
    if size[0] * size[1] > MAX_PIXELS:
        raise InvalidRequest(
            f"A picture of {size[0]} x {size[1]} would be too large.", "Use a smaller scale."
        )
    if network is not None:
        pixels = yield from enlarge(pixels, network, tile, device)
    if pixels.shape[:2] == (size[1], size[0]):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def places(side: int, tile: int, overlap: int = OVERLAP) -> list[int]:
    """Where tiles begin: evenly, on multiples of 4, each sharing at least `overlap` pixels with the next."""
    if side <= tile:
        return [0]
    count = math.ceil((side - overlap) / (tile - overlap - _GRID))
    return [math.ceil(number * (side - tile) / (count - 1) / _GRID) * _GRID for number in range(count)]


def best_device() -> str:
    """The GPU where there is one. Untested on hardware, except for the CPU."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _run(network: Network, part: NDArray[np.uint8], device: str) -> Tensor:
    """(h, w, 3) bytes -> (3, h * scale, w * scale) in 0..1."""
    picture = torch.asarray(part.astype(np.float32) / 255.0).permute(2, 0, 1)[None]
    return network(picture.contiguous().to(device))[0].float().cpu().clamp(0, 1)


def _joined(before: Tensor | None, after: Tensor, at: int, axis: int) -> Tensor:
    """`after` laid over the end of `before`, from the place `at` on."""
    if before is None:
        return after
    shared = before.shape[axis] - at
    ramp = _ramp(shared).reshape([-1 if each == axis else 1 for each in range(3)])
    old, common = before.narrow(axis, 0, at), before.narrow(axis, at, shared)
    new, rest = after.narrow(axis, 0, shared), after.narrow(axis, shared, after.shape[axis] - shared)
    return torch.cat([old, common * (1 - ramp) + new * ramp, rest], axis)


def _ramp(length: int) -> Tensor:
    """0 for a quarter, up to 1 over a half, 1 for a quarter."""
    return ((torch.arange(length) + 0.5 - length / 4) / (length / 2)).clamp(0, 1)


def _bytes(strip: Tensor) -> NDArray[np.uint8]:
    return (strip.permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()

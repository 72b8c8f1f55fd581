"""Pictures in and out: the bytes of a file -> an array, and an array -> pixels."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from backends.core.contract import Picture
from backends.core.opening import open_picture


def image_array(data: bytes, width: int, height: int) -> Tensor:
    """The picture scaled to cover width x height and cut at the middle: (1, 3, H, W) in -1..1."""
    image = open_picture(data)
    if image.size != (width, height):
        image = ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)
    pixels = torch.asarray(np.asarray(image, dtype=np.float32) / 255.0)
    return pixels.permute(2, 0, 1)[None] * 2.0 - 1.0


def to_unit(image: Tensor) -> Tensor:
    """(1, 3, H, W) in about -1..1 -> (3, H, W) in 0..1."""
    return (image[0] / 2 + 0.5).clamp(0, 1)


def to_picture(pixels: Tensor) -> Picture:
    """(3, H, W) in 0..1 -> 8-bit pixels, rounded as diffusers rounds them."""
    rgb = (pixels.permute(1, 2, 0).numpy() * 255).round().astype("uint8")
    return Picture(rgb.shape[1], rgb.shape[0], rgb.tobytes())

"""Pictures in and out: the bytes of a file -> an array, and an array -> pixels."""

from __future__ import annotations

import io
import warnings

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from backends.core.contract import MAX_PICTURE_BYTES, Picture, UnreadablePicture

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_PIXELS = 100_000_000


def open_picture(data: bytes) -> Image.Image:
    """Decodes a PNG, JPEG or WebP file, turned upright, as RGB with transparency over white.

    Raises UnreadablePicture when it is damaged, of another kind, or too large.
    """
    if len(data) > MAX_PICTURE_BYTES:
        raise UnreadablePicture(
            f"The start picture's file is over {MAX_PICTURE_BYTES // 2**20} MB.", "Use a smaller copy of it."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=FORMATS)
            _check_pixels(image)
            image.load()
            return _flatten(ImageOps.exif_transpose(image))
    except Image.DecompressionBombError as error:
        raise _too_many_pixels() from error
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, IndexError) as error:
        raise UnreadablePicture(
            "The start picture can't be read: it is damaged, or not a PNG, JPEG or WebP file.",
            "Open it in another program and save it as PNG.",
        ) from error


def _check_pixels(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise _too_many_pixels()


def _too_many_pixels() -> UnreadablePicture:
    return UnreadablePicture(
        f"The start picture has more than {MAX_PIXELS // 10**6} million pixels.", "Use a smaller copy of it."
    )


def _flatten(image: Image.Image) -> Image.Image:
    if "A" in image.getbands() or "transparency" in image.info:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


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

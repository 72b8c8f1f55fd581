"""Opening a picture somebody brought: with limits, and without torch."""

from __future__ import annotations

import io
import warnings

from PIL import Image, ImageOps

from backends.core.contract import MAX_PICTURE_BYTES, UnreadablePicture

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_PIXELS = 100_000_000


def open_picture(data: bytes) -> Image.Image:
    """Decodes a PNG, JPEG or WebP file, turned upright, as RGB with transparency over white.

    Raises UnreadablePicture when it is damaged, of another kind, or too large.
    """
    if len(data) > MAX_PICTURE_BYTES:
        raise UnreadablePicture(
            f"The picture's file is over {MAX_PICTURE_BYTES // 2**20} MB.", "Use a smaller copy of it."
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
            "The picture can't be read: it is damaged, or not a PNG, JPEG or WebP file.",
            "Open it in another program and save it as PNG.",
        ) from error


def _check_pixels(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise _too_many_pixels()


def _too_many_pixels() -> UnreadablePicture:
    return UnreadablePicture(
        f"The picture has more than {MAX_PIXELS // 10**6} million pixels.", "Use a smaller copy of it."
    )


def _flatten(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits of grey, which Pillow would cut off at 255
        return image.convert("I").point(lambda value: value * (255 / 65535)).convert("RGB")
    if "A" in image.getbands() or "transparency" in image.info:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")

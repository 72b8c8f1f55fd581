"""The mask of a start picture: white is painted anew, black stays. Without torch.

In a request a mask is a file's bytes; what a picture's recipe keeps of it is `compact`, a PNG of one bit.
"""

from __future__ import annotations

import io

from PIL import Image, ImageFilter, ImageOps

from backends.core.contract import InvalidRequest, UnreadablePicture
from backends.core.opening import open_picture

MAX_COMPACT_BYTES = 2**19
"""How much a mask may take within a picture's recipe: a brush's never comes near."""
_HALVES = [255 if value >= 128 else 0 for value in range(256)]
_DOUBLED = [min(255, 2 * value) for value in range(256)]


def open_mask(data: bytes, size: tuple[int, int]) -> Image.Image:
    """The mask as 0 and 255 in mode L; transparency counts as white.

    Raises UnreadablePicture, or InvalidRequest when it is not of this size or nothing in it is white.
    """
    try:
        image = open_picture(data)
    except UnreadablePicture as error:
        raise UnreadablePicture(
            "The mask can't be read: it is damaged, too large, or not a PNG, JPEG or WebP file.",
            "Open it in another program and save it as PNG.",
        ) from error
    if image.size != size:
        raise InvalidRequest(
            f"The mask is {_words(image.size)} pixels, and the start picture {_words(size)}.",
            "Use a mask of the start picture's size.",
        )
    mask = image.convert("L").point(_HALVES)
    if mask.getbbox() is None:
        raise InvalidRequest(
            "The mask is empty: nothing in it is white.",
            "Paint what is to be made anew white, the rest black.",
        )
    return mask


def compact(data: bytes, size: tuple[int, int]) -> bytes:
    """The mask as the smallest PNG of it. Raises as `open_mask` does, and for one with too much detail."""
    buffer = io.BytesIO()
    open_mask(data, size).convert("1", dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    if buffer.tell() > MAX_COMPACT_BYTES:
        raise InvalidRequest("The mask has too much detail to be kept with a picture.", "Use a simpler one.")
    return buffer.getvalue()


def picture_size(data: bytes) -> tuple[int, int]:
    """Width and height of a start picture, turned upright. Raises UnreadablePicture."""
    return open_picture(data).size


def repainted(
    mask: Image.Image | None, size: tuple[int, int], extend: tuple[int, int, int, int], feather: int
) -> Image.Image:
    """How much of each pixel is new, 0 to 255, in a picture of `size`: the mask, and what lies beyond the
    start picture, both with a soft edge of about `feather` pixels outwards. Never softer within the mask."""
    left, top, right, bottom = extend
    inner = size[0] - left - right, size[1] - top - bottom
    if mask is None:
        fitted = Image.new("L", inner, 0 if any(extend) else 255)
    elif mask.size == inner:
        fitted = mask
    else:
        fitted = ImageOps.fit(mask, inner, Image.Resampling.BILINEAR)
        fitted = fitted.point(_HALVES)
    whole = Image.new("L", size, 255)
    whole.paste(fitted, (left, top))
    return _feathered(whole, feather) if feather else whole


def _feathered(mask: Image.Image, feather: int) -> Image.Image:
    """A Gaussian of three deviations, doubled, so that it is full at the mask's edge."""
    return mask.filter(ImageFilter.GaussianBlur(feather / 3)).point(_DOUBLED)


def _words(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"

"""Pictures made small, and the cache of them on disk. What decodes pixels runs in a process of its own."""

from __future__ import annotations

import contextlib
import os
import secrets
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backends.core.contract import UnreadablePicture
from desktop.library import paths
from desktop.library.reading import open_picture_file

if TYPE_CHECKING:
    from PIL import Image

SIDE = 320
"""The longer side of a thumbnail, in pixels."""

_QUALITY = 88
_KEEP = 100  # in each of 256 folders: about 25,000 thumbnails, some 500 MB
_FORMATS = ("PNG", "JPEG", "WEBP")


@dataclass(frozen=True)
class Pixels:
    """A decoded picture: `rgb` has 3 bytes a pixel, row by row."""

    width: int
    height: int
    rgb: bytes


def thumbnail_path(sha256: str) -> Path:
    """Where the thumbnail of the picture with this hash is, once it was made."""
    return paths.cache_folder() / "thumbnails" / sha256[:2] / f"{sha256}.jpg"


def make_thumbnail(picture: Path, target: Path) -> None:
    """Writes a small JPEG. Raises UnreadablePicture; a cache that can't be written raises OSError."""
    image = _decode(picture, SIDE)
    target.parent.mkdir(parents=True, exist_ok=True)
    _prune(target.parent)
    temporary = target.with_name(f"{secrets.token_hex(8)}.tmp")
    try:
        image.save(temporary, "JPEG", quality=_QUALITY)
        os.replace(temporary, target)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def develop(picture: Path, side: int) -> Pixels:
    """A picture's pixels, at most `side` high and wide. Raises UnreadablePicture."""
    image = _decode(picture, side)
    return Pixels(image.width, image.height, image.tobytes())


def _decode(picture: Path, side: int) -> Image.Image:
    """Whatever a decoder says of a file that nobody vouches for is UnreadablePicture."""
    from PIL import Image  # here: only the process that decodes needs it

    with open_picture_file(picture) as file, warnings.catch_warnings():
        warnings.simplefilter("error")  # a picture of too many pixels
        try:
            image = Image.open(file, formats=_FORMATS)
            image.draft("RGB", (side, side))
            image = image.convert("RGB")
            image.thumbnail((side, side), Image.Resampling.LANCZOS)
        except Exception as error:
            raise UnreadablePicture(
                f"{picture} is damaged or cut short.", "Use another copy of the picture."
            ) from error
    return image


def _prune(folder: Path) -> None:
    """Keeps the cache from growing for ever: the oldest half goes when there are too many."""
    files = list(folder.iterdir())
    if len(files) < _KEEP:
        return
    with contextlib.suppress(OSError):
        for old in sorted(files, key=lambda file: file.stat().st_mtime)[: _KEEP // 2]:
            old.unlink()

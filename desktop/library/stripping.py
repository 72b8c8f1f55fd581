"""A copy of a PNG without its metadata: the same pixels to the bit, and nothing about how they were made."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from backends.core.contract import MAX_PICTURE_BYTES, UnreadablePicture
from desktop.library import saving
from desktop.library.reading import open_picture_file

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIXELS = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"bKGD"}
"""What decides how the picture looks. Everything else can tell something about its maker."""


def save_plain_copy(picture: Path, target: Path) -> Path:
    """Saves a copy without metadata, durably, as `target`, or beside it where that name is taken.

    Returns where it is. Raises UnreadablePicture, SaveFailed.
    """
    with open_picture_file(picture) as file:
        data = file.read(MAX_PICTURE_BYTES + 1)
    return saving.save_new(strip_png(data, picture), target.parent, target.stem)


def strip_png(data: bytes, path: Path) -> bytes:
    """A PNG file's bytes without metadata. Raises UnreadablePicture for what is no whole PNG."""
    if not data.startswith(_SIGNATURE):
        raise UnreadablePicture(f"{path} is not a PNG picture.", "Only PNG pictures can be copied this way.")
    kept = [chunk for kind, chunk in _chunks(data, path) if kind in _PIXELS]
    return _SIGNATURE + b"".join(kept)


def _chunks(data: bytes, path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Each chunk's kind, and all of its bytes."""
    at, kind = len(_SIGNATURE), b""
    while kind != b"IEND":
        if at + 12 > len(data):
            raise _damaged(path)
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            raise _damaged(path)
        yield kind, data[at:end]
        at = end


def _damaged(path: Path) -> UnreadablePicture:
    return UnreadablePicture(f"{path} is damaged or cut short.", "Use another copy of the picture.")

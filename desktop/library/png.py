"""PNG files: pixels and text in, text out. Reading text decodes no pixels, whoever made the file."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from backends.core.contract import Picture, UnreadablePicture
from desktop.library.reading import open_picture_file

XMP_KEY = "XML:com.adobe.xmp"
MAX_TEXT_BYTES = 2**20
"""The most that one text may hold, as Pillow has it."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt")
_MAX_CHUNK = 2**31 - 1
_MAX_TEXTS = 64


def encode_png(picture: Picture, texts: Mapping[str, str]) -> bytes:
    """A PNG file's bytes, with each text under its key: tEXt where Latin-1 can hold it, else iTXt."""
    from PIL import Image  # here, so that the window is shown without it
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for key, text in texts.items():
        if key != XMP_KEY and _is_latin(text):
            info.add_text(key, text)
        else:
            info.add_itxt(key, text)
    buffer = io.BytesIO()
    Image.frombytes("RGB", (picture.width, picture.height), picture.rgb).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def _is_latin(text: str) -> bool:
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


def read_png_texts(path: Path) -> dict[str, str]:
    """The texts in a PNG file by key; of several with one key, the first.

    Raises UnreadablePicture when it can't be opened, is no PNG, is cut short or damaged, or holds
    texts larger than MAX_TEXT_BYTES.
    """
    with open_picture_file(path) as file:
        try:
            return _read_texts(file, path)
        except (_Damaged, OSError, zlib.error, UnicodeDecodeError, ValueError) as error:
            raise UnreadablePicture(
                f"{path} is damaged or cut short.", "Use another copy of the picture."
            ) from error


class _Damaged(Exception):
    pass


def _read_texts(file: BinaryIO, path: Path) -> dict[str, str]:
    if file.read(len(_SIGNATURE)) != _SIGNATURE:
        raise UnreadablePicture(f"{path} is not a PNG picture.", "Use a PNG that Mezzotint or A1111 saved.")
    texts: dict[str, str] = {}
    for kind, body in _text_chunks(file, path):
        key, text = _decode_text(kind, body, path)
        texts.setdefault(key, text)
        if len(texts) > _MAX_TEXTS:
            raise _too_much_text(path)
    return texts


def _text_chunks(file: BinaryIO, path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Kind and body of each text chunk; every other chunk is stepped over unread."""
    size = os.fstat(file.fileno()).st_size
    kind = b""
    while kind != b"IEND":
        header = file.read(8)
        if len(header) < 8:
            raise _Damaged
        length, kind = struct.unpack(">I4s", header)
        if length > _MAX_CHUNK or file.tell() + length + 4 > size:
            raise _Damaged
        if kind not in _TEXT_CHUNKS:
            file.seek(length + 4, os.SEEK_CUR)
            continue
        if length > MAX_TEXT_BYTES + 1024:
            raise _too_much_text(path)
        body, checksum = file.read(length), file.read(4)
        if struct.pack(">I", zlib.crc32(kind + body)) != checksum:
            raise _Damaged
        yield kind, body


def _decode_text(kind: bytes, body: bytes, path: Path) -> tuple[str, str]:
    key, rest = _split(body)
    name = key.decode("latin-1")
    if kind == b"tEXt":
        return name, rest.decode("latin-1")
    if kind == b"zTXt":
        return name, _inflate(rest[1:], path).decode("latin-1")
    compressed = rest[:1] == b"\1"
    _language, rest = _split(rest[2:])
    _translated_key, value = _split(rest)
    return name, (_inflate(value, path) if compressed else value).decode("utf-8")


def _split(data: bytes) -> tuple[bytes, bytes]:
    before, separator, after = data.partition(b"\0")
    if not separator:
        raise _Damaged
    return before, after


def _inflate(data: bytes, path: Path) -> bytes:
    inflated = zlib.decompressobj().decompress(data, MAX_TEXT_BYTES + 1)
    if len(inflated) > MAX_TEXT_BYTES:
        raise _too_much_text(path)
    return inflated


def _too_much_text(path: Path) -> UnreadablePicture:
    return UnreadablePicture(f"{path} holds more text than a recipe has.", "Use another picture.")

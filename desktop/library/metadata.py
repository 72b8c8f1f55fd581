"""What a PNG, JPEG or WebP file says about itself, whoever wrote it. No pixel is decoded.

Sources: PNG 1.2 and its extension eXIf; ITU T.81 (JPEG) with Exif 2.32, XMP part 3 and Photoshop's
image resources (IPTC-IIM 4.2 in resource 0x0404); Google's WebP container specification.
"""

from __future__ import annotations

import json
import os
import struct
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast
from xml.etree import ElementTree

from PIL.Image import Exif

from backends.core.contract import UnreadablePicture
from desktop.library.png import XMP_KEY, read_png_texts
from desktop.library.reading import open_picture_file

_LARGEST_BLOB = 2**22
_MOST_PARTS = 2000
_XMP_HEAD, _EXIF_HEAD, _PHOTOSHOP_HEAD = b"http://ns.adobe.com/xap/1.0/\0", b"Exif\0\0", b"Photoshop 3.0\0"
_IPTC, _CAPTION = 0x0404, 120
_DESCRIPTION, _MAKE, _MODEL, _EXIF_IFD, _USER_COMMENT = 0x010E, 0x010F, 0x0110, 0x8769, 0x9286
_LI = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li"
_XMP_NAMES = {
    "{http://purl.org/dc/elements/1.1/}description": "description",
    "{http://ns.adobe.com/xap/1.0/}CreatorTool": "creator_tool",
    "{http://ns.adobe.com/exif/1.0/}UserComment": "user_comment",
}


@dataclass
class Metadata:
    """`texts` by their key in a PNG, and for the rest under "description", "user_comment",
    "creator_tool", "caption", "make" and "model". `width` and `height` are 0 where not found."""

    texts: dict[str, str] = field(default_factory=dict[str, str])
    width: int = 0
    height: int = 0

    def add(self, more: Mapping[str, str]) -> None:
        """Adds texts that are not there yet and say something."""
        for key, text in more.items():
            if text.strip():
                self.texts.setdefault(key, text)


def read_metadata(path: Path) -> Metadata:
    """Everything textual. Raises UnreadablePicture for other files and for damaged ones."""
    with open_picture_file(path) as file:
        head = file.read(12)
        file.seek(0)
        try:
            if head.startswith(b"\x89PNG"):
                return _read_png(file, path)
            if head.startswith(b"\xff\xd8\xff"):
                return _read_jpeg(file)
            if head[:4] == b"RIFF" and head[8:] == b"WEBP":
                return _read_webp(file)
        except (struct.error, OSError, ValueError) as error:
            raise UnreadablePicture(
                f"{path} is damaged or cut short.", "Use another copy of the picture."
            ) from error
    raise UnreadablePicture(f"{path} is not a PNG, JPEG or WebP picture.", "Use another picture.")


def _read_png(file: BinaryIO, path: Path) -> Metadata:
    found = Metadata(read_png_texts(path))
    found.add(read_xmp(found.texts.pop(XMP_KEY, "").encode()))
    file.seek(8)
    for _ in range(_MOST_PARTS):
        length, kind = struct.unpack(">I4s", file.read(8))
        if kind == b"IHDR":
            found.width, found.height = struct.unpack(">II", file.read(8))
            file.seek(length - 8 + 4, os.SEEK_CUR)
        elif kind == b"eXIf" and length <= _LARGEST_BLOB:
            found.add(read_exif(file.read(length)))
            file.seek(4, os.SEEK_CUR)
        elif kind == b"IEND":
            break
        else:
            file.seek(length + 4, os.SEEK_CUR)
    return found


def _read_jpeg(file: BinaryIO) -> Metadata:
    found = Metadata()
    for marker, body in _jpeg_segments(file):
        if marker == 0xE1 and body.startswith(_EXIF_HEAD):
            found.add(read_exif(body[len(_EXIF_HEAD) :]))
        elif marker == 0xE1 and body.startswith(_XMP_HEAD):
            found.add(read_xmp(body[len(_XMP_HEAD) :]))
        elif marker == 0xED and body.startswith(_PHOTOSHOP_HEAD):
            found.add({"caption": read_caption(body[len(_PHOTOSHOP_HEAD) :])})
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            found.height, found.width = struct.unpack(">HH", body[1:5])
    return found


def _jpeg_segments(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Marker and body of each segment up to the pixels."""
    file.seek(2)
    for _ in range(_MOST_PARTS):
        lead, marker = struct.unpack(">BB", file.read(2))
        if lead != 0xFF or marker in (0xDA, 0xD9):
            return
        if marker == 0xFF:
            file.seek(-1, os.SEEK_CUR)
            continue
        (length,) = struct.unpack(">H", file.read(2))
        yield marker, file.read(length - 2)


def _read_webp(file: BinaryIO) -> Metadata:
    found = Metadata()
    file.seek(12)
    for _ in range(_MOST_PARTS):
        head = file.read(8)
        if len(head) < 8:
            break
        kind, length = struct.unpack("<4sI", head)
        wanted = kind in (b"EXIF", b"XMP ", b"VP8X") and length <= _LARGEST_BLOB
        body = file.read(length) if wanted else b""
        file.seek(length % 2 + (0 if wanted else length), os.SEEK_CUR)
        if kind == b"VP8X":
            found.width = 1 + int.from_bytes(body[4:7], "little")
            found.height = 1 + int.from_bytes(body[7:10], "little")
        elif kind == b"EXIF":
            found.add(read_exif(body.removeprefix(_EXIF_HEAD)))
        elif kind == b"XMP ":
            found.add(read_xmp(body))
    return found


def read_exif(data: bytes) -> dict[str, str]:
    """The texts in an Exif block that picture programs use; nothing from a damaged one."""
    try:
        with warnings.catch_warnings(action="ignore"):
            values = _exif_values(data)
    except (SyntaxError, ValueError, KeyError, struct.error, OSError, IndexError, TypeError):
        return {}
    texts = {name: _exif_text(value) for name, value in values.items()}
    return {name: text for name, text in texts.items() if text}


def _exif_values(data: bytes) -> dict[str, Any]:
    exif = Exif()
    exif.load(data)
    outer = {"description": _DESCRIPTION, "make": _MAKE, "model": _MODEL}
    values = {name: exif.get(tag) for name, tag in outer.items()}
    return {**values, "user_comment": exif.get_ifd(_EXIF_IFD).get(_USER_COMMENT)}


def _exif_text(value: object) -> str:
    """A value as text. A UserComment begins with eight bytes that name its characters."""
    if isinstance(value, str):
        return value
    if not isinstance(value, bytes):
        return ""
    code, rest = value[:8], value[8:]
    if code == b"UNICODE\0":
        return rest.decode(_utf_16(rest), "replace").strip("\0")
    if code in (b"ASCII\0\0\0", b"\0" * 8):
        return rest.decode("utf-8", "replace").strip("\0")
    return value.decode("utf-8", "replace").strip("\0")


def _utf_16(data: bytes) -> str:
    """Which byte comes first: programs disagree, but most characters are Latin."""
    return "utf-16-be" if data[0:200:2].count(0) >= data[1:200:2].count(0) else "utf-16-le"


def read_xmp(data: bytes) -> dict[str, str]:
    """Description, user comment and creator tool of an XMP packet; nothing from one that is no good.

    A packet with a document type is left alone: such can be made to fill the memory.
    """
    if not data or b"<!" in data:
        return {}
    try:
        root = ElementTree.fromstring(data.strip(b"\0 \r\n\t"))
    except ElementTree.ParseError:
        return {}
    texts: dict[str, str] = {}
    for element in root.iter():
        for name, value in element.attrib.items():
            if name in _XMP_NAMES:
                texts.setdefault(_XMP_NAMES[name], value)
        if element.tag in _XMP_NAMES:
            item = element.find(f".//{_LI}")
            texts.setdefault(_XMP_NAMES[element.tag], (element if item is None else item).text or "")
    return texts


def read_caption(resources: bytes) -> str:
    """The caption (IPTC 2:120) in Photoshop's image resources, or nothing."""
    at = 0
    while resources[at : at + 4] == b"8BIM":
        number, name_length = struct.unpack(">HB", resources[at + 4 : at + 7])
        at += 7 + name_length + (name_length + 1) % 2
        (length,) = struct.unpack(">I", resources[at : at + 4])
        body = resources[at + 4 : at + 4 + length]
        if number == _IPTC:
            return _iptc_caption(body)
        at += 4 + length + length % 2
    return ""


def _iptc_caption(data: bytes) -> str:
    at = 0
    while data[at : at + 1] == b"\x1c":
        record, dataset, length = struct.unpack(">BBH", data[at + 1 : at + 5])
        if length & 0x8000:  # an extended length: nothing of ours is that long
            return ""
        if (record, dataset) == (2, _CAPTION):
            return data[at + 5 : at + 5 + length].decode("utf-8", "replace")
        at += 5 + length
    return ""


def as_object(text: str) -> dict[str, Any] | None:
    """The JSON object in a text, or None."""
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return cast(dict[str, Any], value) if isinstance(value, dict) else None

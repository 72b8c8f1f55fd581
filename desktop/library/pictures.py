"""A finished picture as a PNG file with its recipe inside, and the recipe back from such a file."""

from __future__ import annotations

from pathlib import Path

from backends.core.contract import Picture, UnreadablePicture
from desktop.library.parameters import read_parameters, write_parameters
from desktop.library.png import XMP_KEY, encode_png, read_png_texts
from desktop.library.record import Record, from_json, to_json
from desktop.library.xmp import write_xmp

RECORD_KEY = "mezzotint"
PARAMETERS_KEY = "parameters"


def encode_picture(picture: Picture, record: Record) -> bytes:
    """A PNG file's bytes: the pixels, A1111's text, our own record and an XMP description."""
    tool = f"Mezzotint {record.provenance.get('mezzotint', '')}".strip()
    texts = {
        PARAMETERS_KEY: write_parameters(record),
        RECORD_KEY: to_json(record),
        XMP_KEY: write_xmp(record.prompt, tool, record.created),
    }
    return encode_png(picture, texts)


def read_record(path: Path) -> Record:
    """How the picture in this PNG file was made: our record, or else what A1111's text says.

    Raises UnreadablePicture when there is neither, or the file is no PNG, damaged or too large.
    """
    texts = read_png_texts(path)
    if RECORD_KEY in texts:
        return _read_own(texts[RECORD_KEY], path)
    if texts.get(PARAMETERS_KEY, "").strip():
        return read_parameters(texts[PARAMETERS_KEY])
    raise UnreadablePicture(
        f"{path} doesn't say how it was made.", "Use a PNG that Mezzotint or A1111 saved, unchanged since."
    )


def _read_own(text: str, path: Path) -> Record:
    try:
        return from_json(text)
    except (ValueError, TypeError) as error:
        raise UnreadablePicture(
            f"The recipe in {path} is damaged.", "Use another copy of the picture."
        ) from error

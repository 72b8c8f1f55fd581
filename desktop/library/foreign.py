"""Recipes that other programs left in their pictures, as records of ours.

Mezzotint and AUTOMATIC1111 are read by our own readers, ComfyUI, InvokeAI, NovelAI and Fooocus by
sd-parsers; Draw Things (XMP or Exif) and Mochi Diffusion (IPTC, Exif or XMP) here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from backends.core.contract import UnreadablePicture
from desktop.library import foreign_graphs, foreign_texts
from desktop.library.metadata import Metadata, read_metadata
from desktop.library.pictures import RECORD_KEY
from desktop.library.record import Record, from_json


@dataclass(frozen=True)
class Foreign:
    """A recipe, the program that wrote it, and a phrase for each thing we have no field for."""

    record: Record
    program: str
    extras: tuple[str, ...] = ()


_MOST_EXTRAS = 20
_LARGEST = 2**64
_LONGEST_EXTRA = 100
_Found = tuple[str, Record, list[str]] | None
_READERS: tuple[Callable[[dict[str, str]], _Found], ...] = (
    foreign_texts.draw_things,
    foreign_texts.mochi,
    foreign_graphs.fooocus,
    foreign_texts.automatic1111,
    foreign_graphs.comfyui,
    foreign_graphs.invokeai,
    foreign_graphs.novelai,
)


def read_recipe(path: Path) -> Foreign:
    """The recipe in a PNG, JPEG or WebP file. Raises UnreadablePicture when there is none."""
    found = read_metadata(path)
    if RECORD_KEY in found.texts:
        return Foreign(_sane(_own(found.texts[RECORD_KEY], path)), "Mezzotint")
    for read in _READERS:
        if (recipe := read(found.texts)) is not None:
            program, record, extras = recipe
            short = tuple(_clean(extra[:_LONGEST_EXTRA]) for extra in extras[:_MOST_EXTRAS])
            return Foreign(_sane(_sized(record, found)), program, short)
    raise UnreadablePicture(
        f"{path.name} doesn't say how it was made.", "It can still be a start picture: drop it there."
    )


def _sane(record: Record) -> Record:
    """Files of any kind come here: numbers that are none, and characters that are none, are left out."""
    wrong = {
        name: None
        for name, value in vars(record).items()
        if isinstance(value, int | float) and not (math.isfinite(value) and abs(value) < _LARGEST)
    }
    texts = {name: _clean(value) for name, value in vars(record).items() if isinstance(value, str)}
    return replace(record, **wrong, **texts)


def _clean(text: str) -> str:
    """Without halves of surrogate pairs and zeros."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", " ")


def _own(text: str, path: Path) -> Record:
    try:
        return from_json(text)
    except (ValueError, TypeError, RecursionError, LookupError, AttributeError) as error:
        raise UnreadablePicture(
            f"The recipe in {path.name} is damaged.", "Use another copy of the picture."
        ) from error


def _sized(record: Record, found: Metadata) -> Record:
    """A recipe that doesn't say the size means the picture's own."""
    says = record.width is not None and record.height is not None
    return record if says or not found.width else replace(record, width=found.width, height=found.height)

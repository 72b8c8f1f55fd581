"""The option for the depth that some models keep: by whom it is found, or a map of it."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from backends.core.contract import ROUGH_DEPTH, START_DEPTH, ModelFacts, UnreadablePicture
from backends.core.shelf import Shelf
from desktop.library import paths
from desktop.library.reading import find_recorded, read_init_picture
from desktop.library.record import InitPicture, Record

OWN = "model"
"""Says that the model's own network is wanted, whatever a picture's recipe says."""
_ENDINGS = (".png", ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True)
class Depth:
    """For the request, and for the record. `is_rough`: whether it is going to be a rough estimate."""

    by: str = ""
    data: bytes | None = None
    told: InitPicture | None = None
    is_rough: bool = False


def add_depth(parser: argparse.ArgumentParser) -> None:
    """--depth."""
    parser.add_argument(
        "--depth",
        metavar="WHAT",
        help="for models that keep the start picture's depth: a depth model's name, "
        f"{ROUGH_DEPTH}, a picture of the depth (near is white), or the model's own network ({OWN})",
    )


def find_depth(text: str | None, known: Record, facts: ModelFacts, shelf: Shelf) -> Depth:
    """What is given, else what the record says, else what finds it best. Raises UnreadablePicture."""
    if text is not None and text.lower().endswith(_ENDINGS):
        data, read = read_init_picture(paths.expand(text))
        return Depth(data=data, told=read)
    if text is None and facts.takes_depth and known.depth_map is not None:
        return _again(known.depth_map)
    by = _found_by(text, known, facts, shelf)
    return Depth(by, is_rough=facts.takes_depth and (by == ROUGH_DEPTH or not (by or facts.finds_depth)))


def _found_by(text: str | None, known: Record, facts: ModelFacts, shelf: Shelf) -> str:
    if text is not None:
        return "" if text.casefold() == OWN else text
    if not facts.takes_depth:
        return ""
    if known.depth_by or START_DEPTH in known.provenance:
        return known.depth_by or ""
    return "" if facts.finds_depth else next(iter(shelf.depth_models), ROUGH_DEPTH)


def _again(told: InitPicture) -> Depth:
    try:
        data, found = find_recorded(told)
    except UnreadablePicture as error:
        raise UnreadablePicture(
            f"The depth map {told.name} is not there any more, or is another one now.",
            "Give one with --depth.",
        ) from error
    return Depth(data=data, told=found)

"""The option for pictures that the model looks at while it makes another, and what it comes to."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from backends.core.contract import UnreadablePicture
from desktop.library.reading import find_recorded, read_init_picture
from desktop.library.record import InitPicture, Record


@dataclass(frozen=True)
class References:
    """The bytes of the pictures, and how a record names them."""

    data: tuple[bytes, ...] = ()
    named: tuple[InitPicture, ...] = ()


def add_reference(parser: argparse.ArgumentParser) -> None:
    """--reference."""
    parser.add_argument(
        "--reference",
        action="append",
        default=[],
        metavar="PICTURE",
        help="a picture to look at, for models that can (FLUX.2 klein); can be given up to four times",
    )


def find_references(given: list[str], known: Record) -> References:
    """What is given, else what the record says. Raises UnreadablePicture."""
    fresh = [read_init_picture(Path(each)) for each in given]
    pairs = fresh or [_recorded(each) for each in known.references]
    return References(tuple(data for data, _ in pairs), tuple(named for _, named in pairs))


def _recorded(picture: InitPicture) -> tuple[bytes, InitPicture]:
    try:
        return find_recorded(picture)
    except UnreadablePicture as error:
        raise UnreadablePicture(
            f"The reference picture {picture.name} is not there any more, or is another one now.",
            "Give all of them with --reference.",
        ) from error

"""The options that make a part of the start picture anew, or more around it, and what they come to."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

from backends.core.contract import EDGES, MAX_SIDE, MIN_SIDE, InvalidRequest
from desktop.library.reading import read_init_picture
from desktop.library.record import Record, mask_of

_NOWHERE = (0, 0, 0, 0)
_STEP = 8


@dataclass(frozen=True)
class Inpainting:
    """What a request says of it."""

    mask: bytes | None = None
    feather: int = 0
    extend: tuple[int, int, int, int] = _NOWHERE


def add_inpaint(parser: argparse.ArgumentParser) -> None:
    """--mask, --feather and --extend."""
    add = parser.add_argument
    add(
        "--mask",
        metavar="PICTURE",
        help="make anew what is white in this picture of the start picture's size",
    )
    add("--feather", metavar="N", type=_feather, help="pixels over which new and old run together (0)")
    add(
        "--extend",
        metavar="EDGES",
        type=parse_extend,
        help="make more around the start picture, in pixels, such as left=64,right=64",
    )


def parse_extend(text: str) -> tuple[int, int, int, int]:
    """ "left=64,right=64" -> pixels in the order of EDGES. Raises InvalidRequest."""
    found: dict[str, int] = {}
    for part in text.split(","):
        match = re.fullmatch(r"\s*([a-z]+)\s*=\s*([0-9]{1,6})\s*", part.casefold())
        if match is None or match[1] not in EDGES or match[1] in found:
            raise InvalidRequest(
                f"{part.strip()[:60]!r} is no edge to extend.",
                "Use left, top, right and bottom with pixels, such as left=64,right=64.",
            )
        found[match[1]] = int(match[2])
    return (found.get("left", 0), found.get("top", 0), found.get("right", 0), found.get("bottom", 0))


def _feather(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text.strip()):
        raise InvalidRequest(f"The feather can't be {text[:60]!r}.", "Use a whole number of pixels.")
    return int(text)


def find_inpainting(
    mask: str | None,
    feather: int | None,
    extend: tuple[int, int, int, int] | None,
    known: Record,
    start: bytes | None,
) -> Inpainting:
    """What is given, else what the record says. Raises InvalidRequest or UnreadablePicture."""
    made = known.inpainting
    data = mask_of(known) if mask is None else read_init_picture(Path(mask))[0]
    found = Inpainting(
        data,
        feather if feather is not None else made.feather if made else 0,
        extend if extend is not None else made.extend if made else _NOWHERE,
    )
    if start is None and (mask is not None or any(extend or ())):
        raise InvalidRequest("--mask and --extend need a picture to start from.", "Give one with --start.")
    if feather is not None and data is None and not any(found.extend):
        raise InvalidRequest(
            "--feather softens the edge of a mask, and there is none.", "Give --mask, or --extend."
        )
    if data is None or start is None:
        return found
    from backends.core import masks

    return Inpainting(masks.compact(data, masks.picture_size(start)), found.feather, found.extend)


def size_for(inpainting: Inpainting, known: Record, start: bytes | None) -> tuple[int, int] | None:
    """The start picture's own size, or that of the one to repeat, with what is made around it; None where
    there is nothing to make anew."""
    if start is None or (inpainting.mask is None and not any(inpainting.extend)):
        return None
    if known.width and known.height:
        before = known.inpainting.extend if known.inpainting else _NOWHERE
        inner = _added((known.width, known.height), before, -1)
    else:
        from backends.core.masks import picture_size

        inner = picture_size(start)
    width, height = _added(inner, inpainting.extend, 1)
    return _rounded(width), _rounded(height)


def _added(size: tuple[int, int], extend: tuple[int, int, int, int], sign: int) -> tuple[int, int]:
    left, top, right, bottom = extend
    return size[0] + sign * (left + right), size[1] + sign * (top + bottom)


def _rounded(side: int) -> int:
    return min(MAX_SIDE, max(MIN_SIDE, side // _STEP * _STEP))

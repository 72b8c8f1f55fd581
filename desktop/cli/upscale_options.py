"""The options of `mezzotint upscale`."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass

from backends.core.contract import LANCZOS, InvalidRequest

UPSCALE = (
    "Make a picture larger, by Lanczos or with an upscaler (a .safetensors or .pth file of ESRGAN, "
    "Real-ESRGAN or another kind that spandrel reads) from the folder `upscalers`. "
    "The recipe stays in the new picture."
)
LARGEST = 16.0


@dataclass(frozen=True, kw_only=True)
class UpscaleOptions:
    """None for what was not given."""

    picture: str
    by: str | None = None
    scale: float | None = None
    tile: int | None = None
    out: str | None = None
    like: str | None = None
    plain: bool = False
    json: bool = False
    quiet: bool = False


def add_upscale(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add = parser.add_argument
    add("picture", metavar="PICTURE", help="a PNG, JPEG or WebP picture")
    add("--by", metavar="WAY", help="lanczos, an upscaler's name, or its file (lanczos)")
    add("--scale", metavar="X", type=_scale, help="how many times as large, 1 to 16 (2)")
    add(
        "--tile",
        metavar="N",
        type=_tile,
        help="the side of a tile in pixels; smaller needs less memory (256)",
    )
    add("--out", "-o", metavar="PATH", help="a .png file, or a folder; nothing is ever overwritten")
    add("--like", metavar="PICTURE", help="as this picture was upscaled, for whatever is not given")
    add("--plain", action="store_true", help="write no recipe into the picture")
    add("--json", action="store_true", help="print a JSON line a tile, and one for the picture")
    add("--quiet", action="store_true", help="print the picture's path only")


def _scale(text: str) -> float:
    if re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,6})?", text.strip()) and 1 <= float(text) <= LARGEST:
        return float(text)
    raise InvalidRequest(f"A picture can't become {text[:60]!r} times as large.", "Use 1 to 16, such as 2.")


def _tile(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,5}", text.strip()) and 64 <= int(text) <= 2048:
        return int(text)
    raise InvalidRequest(f"A tile's side can't be {text[:60]!r} pixels.", "Use 64 to 2048.")


def chosen_way(options: UpscaleOptions, recorded: str | None) -> str:
    """How it is made larger: what is given, else as in the record, else Lanczos."""
    return options.by or recorded or LANCZOS

"""The option that says how pictures are decoded."""

from __future__ import annotations

import argparse

from backends.core.vae_tile import AUTOMATIC, VAE_TILE, WHOLE, chosen

_SHORT = {"auto": AUTOMATIC, "off": WHOLE}


def add_vae_tile(parser: argparse.ArgumentParser) -> None:
    """--vae-tile."""
    sides = ", ".join(VAE_TILE.choices[2:])
    parser.add_argument(
        "--vae-tile",
        metavar="N",
        type=_read,
        help=f"develop the picture in tiles of so many pixels: {sides}, off or auto (auto: as memory allows)",
    )


def _read(text: str) -> str:
    """One of the option's choices. Raises InvalidRequest."""
    return chosen(_SHORT.get(text.casefold(), text))

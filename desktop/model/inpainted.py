"""What of a start picture was made anew, in words."""

from __future__ import annotations

from desktop.model.language import tr


def told(masked: bool, feather: int, extend: tuple[int, int, int, int]) -> str:
    """ "a part, 8 px soft; left 64 px": nothing where nothing was masked or extended."""
    edges = (tr("Left"), tr("Above"), tr("Right"), tr("Below"))
    parts = [tr("a part of the start picture, edge {pixels} px soft", pixels=feather)] if masked else []
    parts += [f"{edge} {pixels} px" for edge, pixels in zip(edges, extend, strict=True) if pixels]
    return "; ".join(parts)

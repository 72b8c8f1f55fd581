"""How a picture was made larger, in words."""

from __future__ import annotations

from backends.core.contract import LANCZOS, LATENTS, Hires
from desktop.model.language import tr


def way_in_words(by: str) -> str:
    """ "Latents", "Lanczos" or the upscaler's name."""
    return {LATENTS: tr("Latents"), LANCZOS: tr("Lanczos")}.get(by, by)


def told(hires: Hires | None, first: tuple[int, int]) -> str:
    """ "from 512 x 512, Latents, 10 steps, strength 0.5"; nothing without one."""
    if hires is None:
        return ""
    return tr(
        "from {size}, {way}, {count} steps, strength {strength}",
        size=f"{first[0]} x {first[1]}",
        way=way_in_words(hires.by),
        count=hires.steps,
        strength=f"{hires.strength:g}",
    )

"""The hi-res fix as A1111's text says it: `Hires upscale: 2, Hires steps: 10, Hires upscaler: Latent`.

The strength is the text's "Denoising strength". Without "Hires steps" there are as many as in the first pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from backends.core.contract import LANCZOS, LATENTS, Hires, InvalidRequest
from backends.core.contract.hires import scaled

SETTINGS = ("Hires upscale", "Hires resize", "Hires steps", "Hires upscaler")
_THEIR_STRENGTH = 0.7
_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")
_NUMBER = re.compile(r"\d{1,3}(\.\d{1,10})?")
_NAMES = {LATENTS: "Latent", LANCZOS: "Lanczos"}


def write_hires(hires: Hires, first: tuple[int, int]) -> Iterator[tuple[str, str]]:
    """Names and values, for a first pass of this size."""
    scale = hires.width / first[0]
    even = all(scaled(side, scale) == after for side, after in zip(first, _target(hires), strict=True))
    if even:
        yield "Hires upscale", f"{scale:.10g}"
    else:
        yield "Hires resize", f"{hires.width}x{hires.height}"
    yield "Hires steps", str(hires.steps)
    yield "Hires upscaler", _NAMES.get(hires.by, hires.by)


def read_hires(settings: Mapping[str, str], first: tuple[int, int], steps: int | None) -> Hires | None:
    """What the settings say, as near as we can; None where they say nothing that could be done."""
    target = _read_target(settings, first)
    told, strength = settings.get("Hires steps", ""), settings.get("Denoising strength", "")
    count = int(told) if re.fullmatch(r"[1-9]\d{0,3}", told) else steps
    if target is None or count is None:
        return None
    try:
        found = Hires(
            width=target[0],
            height=target[1],
            steps=count,
            strength=float(strength) if _NUMBER.fullmatch(strength) else _THEIR_STRENGTH,
            by=_read_way(settings.get("Hires upscaler", "Latent")),
        )
        found.check_from(*first)
    except InvalidRequest:
        return None
    return found


def _target(hires: Hires) -> tuple[int, int]:
    return hires.width, hires.height


def _read_target(settings: Mapping[str, str], first: tuple[int, int]) -> tuple[int, int] | None:
    size = _SIZE.fullmatch(settings.get("Hires resize", ""))
    scale = settings.get("Hires upscale", "")
    if size and int(size[1]) and int(size[2]):
        return int(size[1]), int(size[2])
    if not _NUMBER.fullmatch(scale):
        return None
    width, height = (scaled(side, float(scale)) for side in first)
    return width, height


def _read_way(name: str) -> str:
    """A1111 has five ways to enlarge latents; ours stands for all of them."""
    if name.casefold().startswith(LATENTS):
        return LATENTS
    return LANCZOS if name.casefold() == LANCZOS else name

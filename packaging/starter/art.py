"""Emoji art as sprites: reads the Iconify icon sets and renders them once with resvg."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import resvg_py
from PIL import Image

from world import CONCEPTS

SPRITE_SIZE = 192
ICON_SETS = {"flat": "fluent-emoji-flat", "soft": "noto"}


def icon_svg(icons: dict, name: str) -> str:
    """One icon of an Iconify set as a stand-alone SVG document."""
    name = icons.get("aliases", {}).get(name, {}).get("parent", name)
    icon = icons["icons"][name]
    width = icon.get("width", icons.get("width", 16))
    height = icon.get("height", icons.get("height", 16))
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">{icon["body"]}</svg>'


def rasterize(svg: str, size: int = SPRITE_SIZE) -> np.ndarray:
    """An SVG document as `size` x `size` RGBA bytes."""
    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=size, height=size))
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA").resize((size, size)))


def render_icon_set(icon_root: Path, style: str) -> np.ndarray:
    """Every concept in one art style, in the order of `CONCEPTS`."""
    icons = json.loads((icon_root / ICON_SETS[style] / "icons.json").read_text())
    return np.stack([rasterize(icon_svg(icons, concept.icon)) for concept in CONCEPTS])


def prepare_sprites(icon_root: Path, work: Path) -> Path:
    """Render both styles into `work/sprites.npz`, unless the file is there already."""
    path = work / "sprites.npz"
    if not path.exists():
        work.mkdir(parents=True, exist_ok=True)
        np.savez(path, **{style: render_icon_set(icon_root, style) for style in ICON_SETS})
    return path


class Sprites:
    """Sprites by concept and style, resized on demand and remembered."""

    def __init__(self, path: Path) -> None:
        self._pixels = dict(np.load(path))
        self._resized: dict[tuple[str, int, int], Image.Image] = {}

    def get(self, concept: int, style: str, size: int) -> Image.Image:
        """The sprite of `CONCEPTS[concept]` as a `size` x `size` RGBA image."""
        key = (style, concept, size)
        if key not in self._resized:
            full = Image.fromarray(self._pixels[style][concept])
            self._resized[key] = full.resize((size, size), Image.Resampling.LANCZOS)
        return self._resized[key]

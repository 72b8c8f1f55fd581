"""What a ControlNet is shown, made from a picture without another network.

Depth can only be guessed so (rough_depth.py); a network of the user's finds it (depth_model.py). Poses can't
be made so: they come from a file, and are drawn (pose_picture.py).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from backends.core.contract import DEPTH, POSE
from backends.core.contract.pose import fitted, read_pose
from backends.core.opening import open_picture
from backends.core.pose_picture import draw_pose
from backends.core.rough_depth import rough_depth

Array = NDArray[np.float64]
LOW, HIGH = 100.0, 200.0
"""Thresholds of gradients, as ControlNet's canny was trained with."""
_TILE = 4
_SIGMA, _WIDER, _SHARP, _LEAST = 0.6, 1.6, 20.0, 4.0


def shown(data: bytes, way: str, size: tuple[int, int], depth_model: Path | None = None) -> Image.Image:
    """What a ControlNet is shown of a picture's file, in RGB and of this size (width, height).

    It is scaled to cover that, cut at the middle and prepared; of a pose's file it is the pose, drawn.
    Depth is found by the model in this folder, or roughly.

    Raises InvalidRequest or UnreadablePicture.
    """
    if way == POSE:
        return draw_pose(fitted(read_pose(data), *size), size)
    image = open_picture(data)
    image = image if image.size == size else ImageOps.fit(image, size, Image.Resampling.LANCZOS)
    return _depth(image, depth_model) if depth_model and way == DEPTH else prepare(image, way)


def prepare(image: Image.Image, way: str) -> Image.Image:
    """An RGB picture of the same size. `way` is one of contract.PREPARATIONS, but for poses."""
    return _WAYS[way](image.convert("RGB")).convert("RGB")


def canny(image: Image.Image) -> Image.Image:
    """Edges one pixel wide, white on black: Sobel gradients, the largest across each edge, and of the weaker
    ones those that touch a strong one (Canny 1986)."""
    grey = np.asarray(image.convert("L"), dtype=np.float64)
    across, down = _sobel(grey)
    strength = np.abs(across) + np.abs(down)
    thin = np.where(_is_largest(strength, across, down), strength, 0.0)
    return Image.fromarray((_connected(thin > LOW, thin > HIGH) * 255).astype(np.uint8))


def scribble(image: Image.Image) -> Image.Image:
    """The main lines, white on black: an extended difference of two blurs, thresholded (XDoG: Winnemoeller,
    Kyprianidis and Olsen 2012)."""
    grey = image.convert("L")
    width = _SIGMA * max(1.0, max(image.size) / 256)
    fine, wide = (
        np.asarray(grey.filter(ImageFilter.GaussianBlur(sigma)), dtype=np.float64)
        for sigma in (width, _WIDER * width)
    )
    lines = (1 + _SHARP) * fine - _SHARP * wide
    return Image.fromarray(((wide - fine > _LEAST) & (lines < fine)).astype(np.uint8) * 255)


def tile(image: Image.Image) -> Image.Image:
    """The picture without its finest details: made smaller and large again."""
    small = image.resize((max(1, image.width // _TILE), max(1, image.height // _TILE)), Image.Resampling.BOX)
    return small.resize(image.size, Image.Resampling.BICUBIC)


def _depth(image: Image.Image, folder: Path) -> Image.Image:
    """Only this way needs torch."""
    from backends.core.depth_model import model_depth

    return model_depth(image, folder).convert("RGB")


def _same(image: Image.Image) -> Image.Image:
    return image


_WAYS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "none": _same,
    "invert": ImageOps.invert,
    "canny": canny,
    "scribble": scribble,
    "tile": tile,
    DEPTH: rough_depth,
}


def _sobel(grey: Array) -> tuple[Array, Array]:
    """Gradients to the right and downwards; beyond the edge it is as at the edge."""
    wide = np.pad(grey, 1, mode="edge")
    rows = wide[:-2] + 2 * wide[1:-1] + wide[2:]
    columns = wide[:, :-2] + 2 * wide[:, 1:-1] + wide[:, 2:]
    return rows[:, 2:] - rows[:, :-2], columns[2:] - columns[:-2]


def _is_largest(strength: Array, across: Array, down: Array) -> NDArray[np.bool_]:
    """Where it is more than at the neighbour before it along the gradient, and no less than after."""
    angle = np.round(np.arctan2(down, across) / (np.pi / 4)).astype(int) % 4
    around = np.pad(strength, 1)
    height, width = strength.shape
    found = np.zeros(strength.shape, bool)
    for way, (x, y) in enumerate(((1, 0), (1, 1), (0, 1), (-1, 1))):
        after = around[1 + y : 1 + y + height, 1 + x : 1 + x + width]
        before = around[1 - y : 1 - y + height, 1 - x : 1 - x + width]
        found |= (angle == way) & (strength > before) & (strength >= after)
    return found


def _connected(weak: NDArray[np.bool_], strong: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The weak places that a way of weak ones leads to from a strong one, corners too."""
    found = strong & weak
    front = list(zip(*np.nonzero(found), strict=True))
    height, width = weak.shape
    while front:
        row, column = front.pop()
        for y in range(max(0, row - 1), min(height, row + 2)):
            for x in range(max(0, column - 1), min(width, column + 2)):
                if weak[y, x] and not found[y, x]:
                    found[y, x] = True
                    front.append((y, x))
    return found

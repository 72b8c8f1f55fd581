"""Bringing a coarse map to a picture's own outlines (He, Sun and Tang 2010; the fast way of He and Sun 2015,
arXiv:1505.00996): around each place the map is a linear function of the picture's three colours."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage  # pyright: ignore[reportMissingTypeStubs]

Array = NDArray[np.float64]
_box: Any = cast(Any, ndimage).uniform_filter


def guided(values: Array, small: Array, picture: Array, radius: int, smoothness: float) -> Array:
    """`values` (h, w), found on `small` (h, w, 3), as (H, W) with the edges of `picture` (H, W, 3).

    Colours are 0 to 1. Edges of less than the root of `smoothness` are evened out.
    """
    slope, offset = _lines(values, small, 2 * radius + 1, smoothness)
    height, width, _ = picture.shape
    size = width, height
    slopes = np.stack([_resized(slope[..., colour], size) for colour in range(3)], axis=-1)
    return (slopes * picture).sum(-1) + _resized(offset, size)


def _lines(values: Array, guide: Array, width: int, smoothness: float) -> tuple[Array, Array]:
    """The function around each place, the mean over the windows it is in: slopes (h, w, 3), offset (h, w)."""
    mean, level = _mean(guide, width), _mean(values, width)
    together = _mean(guide * values[..., None], width) - mean * level[..., None]
    spread = _mean(guide[..., :, None] * guide[..., None, :], width) - mean[..., :, None] * mean[..., None, :]
    solved = np.linalg.solve(spread + smoothness * np.eye(3), together[..., None])[..., 0]
    slope: Array = solved.astype(np.float64)
    offset: Array = level - (slope * mean).sum(-1)
    return _mean(slope, width), _mean(offset, width)


def _mean(values: Array, width: int) -> Array:
    """Over the square around each place, for each of the further axes."""
    return _box(values, (width, width, *(1 for _ in values.shape[2:])), mode="nearest")


def _resized(values: Array, size: tuple[int, int]) -> Array:
    image = Image.fromarray(values.astype(np.float32))
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR), dtype=np.float64)

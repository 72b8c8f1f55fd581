"""How near things are, roughly, from one picture without a network: near is white, as ControlNets have it.

Nothing is recognised here; what is summed up are signs that painters know, each of which can be wrong:

- what stands lower in the picture is nearer, and what stands upright is as near as the place it stands on;
- what differs from the picture's upper edges, so that every way there crosses a strong edge, is in front
  (geodesic saliency: Wei, Wen, Zhu and Sun 2012);
- air makes what is far pale (the dark channel: He, Sun and Tang 2009), counted in the upper part;
- what is sharp is where the camera was focused, which is seldom the background.

The sum is brought to the picture's own outlines (guided_filter.py). A depth network is far better: see
depth_model.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy import ndimage, sparse  # pyright: ignore[reportMissingTypeStubs]
from scipy.sparse import csgraph  # pyright: ignore[reportMissingTypeStubs]

from backends.core.guided_filter import guided

Array = NDArray[np.float64]
_nd, _sparse, _graph = cast(Any, ndimage), cast(Any, sparse), cast(Any, csgraph)
_SIDE = 256
"""The signs are looked for in a picture whose longer side is at most so long."""
_COLOURS, _SMALLEST, _NARROW = 8, 0.006, 1 / 128
_SAME_COLOUR, _EACH_STEP, _DISTINCT = 2.0, 0.03, 20.0
_UPPER, _WIDE = 0.6, 0.6
_STANDS, _FLOATS = 0.25, 0.3
_WEIGHTS = {"height": 0.45, "front": 0.25, "front of the whole": 0.2, "sharp": 0.05, "clear": 0.15}
_SMOOTHNESS = 2e-3


def rough_depth(image: Image.Image) -> Image.Image:
    """A picture of the same size in mode L, 255 for what seems nearest."""
    image = image.convert("RGB")
    scale = min(1.0, _SIDE / max(image.size))
    width, height = (max(1, round(side * scale)) for side in image.size)
    small = image.resize((width, height), Image.Resampling.BOX)
    side = max(small.size)
    coarse = _nd.median_filter(_nearness(small), max(3, side // 20))
    radius = max(2, side // 32)
    found = guided(coarse, _pixels(small) / 255, _pixels(image) / 255, radius, _SMOOTHNESS)
    return Image.fromarray((_stretched(found, 0.5) * 255).round().astype(np.uint8))


def _nearness(small: Image.Image) -> Array:
    regions = _regions(small)
    standing = _Standing.of(regions)
    front = _front(small) * (_FLOATS + (1 - _FLOATS) * standing.base)
    signs = {
        "height": standing.height,
        "front": front,
        "front of the whole": _mean_of(front, regions),
        "sharp": _mean_of(_sharpness(small), regions),
        "clear": _mean_of(1 - _haze(small), regions),
    }
    return sum((weight * signs[name] for name, weight in _WEIGHTS.items()), np.zeros(regions.shape))


@dataclass(frozen=True)
class _Standing:
    """`height`: how low each place is, 0 at the top; upright things a little as low as their foot.

    `base`: how low the foot of each place's region is, 0 for a sky.
    """

    height: Array
    base: Array

    @classmethod
    def of(cls, regions: NDArray[np.int64]) -> _Standing:
        rows, columns = regions.shape
        down = np.broadcast_to(np.linspace(0, 1, rows)[:, None], regions.shape)
        foot, flat, sky = (np.zeros(regions.max() + 1) for _ in range(3))
        for number, (rows_in, columns_in) in enumerate(_nd.find_objects(regions + 1)):
            wide = columns_in.stop - columns_in.start > _WIDE * columns
            sky[number] = wide and rows_in.start == 0
            flat[number] = sky[number] or (wide and rows_in.stop == rows)
            foot[number] = 0.0 if sky[number] else (rows_in.stop - 1) / max(1, rows - 1)
        upright = (1 - flat[regions]) * _STANDS
        height = (1 - upright) * down + upright * foot[regions]
        return cls(_nd.gaussian_filter(height, 1), _nd.gaussian_filter(foot[regions], 1))


def _regions(small: Image.Image) -> NDArray[np.int64]:
    """Numbers, from 0, of pieces of one colour, which no narrow bridge joins.

    What is very small belongs to the nearest other piece.
    """
    blurred = small.filter(ImageFilter.GaussianBlur(1.5))
    colours = np.asarray(blurred.quantize(_COLOURS, Image.Quantize.MEDIANCUT, kmeans=4))
    colours = _nd.median_filter(colours, 5)
    narrow = max(1, round(max(small.size) * _NARROW))
    pieces, count = np.zeros(colours.shape, dtype=np.int64), 0
    for colour in np.unique(colours):
        core = _nd.binary_erosion(colours == colour, iterations=narrow, border_value=1)
        found, number = _nd.label(core)
        pieces[found > 0] = found[found > 0] + count
        count += number
    tiny = (pieces == 0) | (np.bincount(pieces.ravel())[pieces] < _SMALLEST * pieces.size)
    if not tiny.all():
        nearest = _nd.distance_transform_edt(tiny, return_distances=False, return_indices=True)
        pieces = pieces[tuple(nearest)]
    return np.unique(pieces, return_inverse=True)[1].reshape(pieces.shape)


def _front(small: Image.Image) -> Array:
    """0 to 1: how strong the edges are on the easiest way to the upper edges of the picture."""
    colours: Array = _nd.gaussian_filter(_pixels(small.convert("YCbCr")), (1, 1, 0))
    rows, columns, _ = colours.shape
    numbers: NDArray[np.int64] = np.arange(rows * columns, dtype=np.int64).reshape(rows, columns)
    across = _steps(colours, numbers, np.s_[:, :-1], np.s_[:, 1:])
    down = _steps(colours, numbers, np.s_[:-1], np.s_[1:])
    begin, end, cost = (np.concatenate(pair) for pair in zip(across, down, strict=True))
    graph = _sparse.csr_matrix((cost, (begin, end)), shape=(numbers.size, numbers.size))
    upper = max(1, round(_UPPER * rows))
    edges = np.unique(np.concatenate((numbers[0], numbers[:upper, 0], numbers[:upper, -1])))
    way: Array = _graph.dijkstra(graph, directed=False, indices=edges, min_only=True).reshape(rows, columns)
    return 1 - np.exp(-way / max(_DISTINCT, float(np.percentile(way, 60))))


def _steps(colours: Array, numbers: NDArray[np.int64], here: Any, there: Any) -> tuple[Any, Any, Array]:
    """From each place to its neighbour, and what it costs: next to nothing between like colours."""
    change = np.linalg.norm(colours[here] - colours[there], axis=-1)
    cost = np.maximum(change - _SAME_COLOUR, 0) + _EACH_STEP
    return numbers[here].ravel(), numbers[there].ravel(), cost.ravel()


def _sharpness(small: Image.Image) -> Array:
    side = max(small.size)
    edges = _nd.gaussian_gradient_magnitude(_pixels(small.convert("L")), 1.0)
    around = _stretched(np.log1p(_nd.gaussian_filter(edges, side / 40)))
    return _nd.grey_closing(around, max(3, side // 12))


def _haze(small: Image.Image) -> Array:
    """0 to 1, less towards the bottom, where pale things are just pale."""
    darkest = _nd.grey_erosion(_pixels(small).min(-1), max(3, max(small.size) // 40))
    return _stretched(_nd.gaussian_filter(darkest, 2)) * np.linspace(1, 0, small.height)[:, None]


def _mean_of(values: Array, regions: NDArray[np.int64]) -> Array:
    return _nd.mean(values, regions, np.arange(regions.max() + 1))[regions]


def _stretched(values: Array, cut: float = 1.0) -> Array:
    """0 to 1, without the `cut` percent at each end; nothing where all is the same."""
    low, high = np.percentile(values, (cut, 100 - cut))
    return np.clip((values - low) / max(float(high - low), 1e-6), 0, 1)


def _pixels(image: Image.Image) -> Array:
    return np.asarray(image, dtype=np.float64)

"""Edges, lines and coarse pictures for ControlNets: against a definition written out pixel by pixel."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from backends.core.contract import POSE, PREPARATIONS
from backends.core.control_pictures import HIGH, LOW, prepare
from tests.families.reference import start_picture

SHAPES = Image.new("RGB", (64, 48), "#204060")
ImageDraw.Draw(SHAPES).ellipse((8, 6, 40, 38), fill="#f0d080")
ImageDraw.Draw(SHAPES).rectangle((44, 20, 60, 44), fill="#80c0f0")
NOISE = Image.fromarray(np.random.default_rng(3).integers(0, 256, (23, 31, 3), np.uint8))


def slow_canny(image: Image.Image) -> np.ndarray:
    """Canny's edges as the paper has them, one pixel after the other."""
    grey = np.asarray(image.convert("L"), float)
    height, width = grey.shape

    def at(y: int, x: int) -> float:
        return grey[min(max(y, 0), height - 1), min(max(x, 0), width - 1)]

    strength, way = np.zeros(grey.shape), np.zeros(grey.shape, int)
    for y in range(height):
        for x in range(width):
            across = sum(k * (at(y + d, x + 1) - at(y + d, x - 1)) for d, k in ((-1, 1), (0, 2), (1, 1)))
            down = sum(k * (at(y + 1, x + d) - at(y - 1, x + d)) for d, k in ((-1, 1), (0, 2), (1, 1)))
            strength[y, x] = abs(across) + abs(down)
            way[y, x] = round(math.atan2(down, across) / (math.pi / 4)) % 4
    thin = np.zeros(grey.shape)
    for y in range(height):
        for x in range(width):
            dx, dy = ((1, 0), (1, 1), (0, 1), (-1, 1))[way[y, x]]
            sides = [
                strength[b, a] if 0 <= a < width and 0 <= b < height else 0.0
                for a, b in ((x - dx, y - dy), (x + dx, y + dy))
            ]
            if strength[y, x] > sides[0] and strength[y, x] >= sides[1]:
                thin[y, x] = strength[y, x]
    found = thin > HIGH
    while True:
        wider = np.array(
            [
                [thin[y, x] > LOW and found[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].any()
                 for x in range(width)]
                for y in range(height)
            ]
        )  # fmt: skip
        if (wider | found == found).all():
            return found
        found = wider | found


@pytest.mark.parametrize("image", [SHAPES, SHAPES.filter(ImageFilter.GaussianBlur(2)), NOISE])
def test_edges_are_cannys(image: Image.Image) -> None:
    made = np.asarray(prepare(image, "canny").convert("L"))
    assert set(np.unique(made)) <= {0, 255}
    assert ((made > 0) == slow_canny(image)).all()


def test_edges_are_thin_and_where_the_shapes_end() -> None:
    edges = np.asarray(prepare(SHAPES, "canny").convert("L")) > 0
    assert 0.02 < edges.mean() < 0.12
    assert edges[30, 42:46].sum() == 1
    assert not edges[18:26, 18:30].any()


@pytest.mark.parametrize("colour", ["black", "white", "#808080"])
@pytest.mark.parametrize("way", ["canny", "scribble"])
def test_an_even_picture_has_no_lines(way: str, colour: str) -> None:
    assert not np.asarray(prepare(Image.new("RGB", (40, 24), colour), way)).any()


def test_a_scribble_is_fewer_lines_beside_the_dark_side() -> None:
    lines = np.asarray(prepare(SHAPES, "scribble").convert("L")) > 0
    assert 0.01 < lines.mean() < 0.25
    assert lines[18:26, 6:10].any()
    assert not lines[18:26, 20:28].any()


def test_a_tile_is_as_large_and_coarser() -> None:
    picture = start_picture(64)
    coarse = prepare(picture, "tile")
    assert coarse.size == picture.size
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8))
    assert np.asarray(prepare(noise, "tile"), float).std() < np.asarray(noise, float).std() / 3


def test_black_and_white_change_places() -> None:
    assert np.asarray(prepare(SHAPES, "invert"))[0, 0].tolist() == [255 - 0x20, 255 - 0x40, 255 - 0x60]


@pytest.mark.parametrize("way", [each for each in PREPARATIONS if each != POSE])
@pytest.mark.parametrize("size", [(1, 1), (2, 7), (64, 8)])
def test_every_size_and_mode_is_prepared(way: str, size: tuple[int, int]) -> None:
    for mode in ("L", "RGBA", "P"):
        made = prepare(Image.new(mode, size), way)
        assert (made.size, made.mode) == (size, "RGB")

"""A pose drawn as the ControlNets for poses were shown it: limbs as long ellipses, joints as dots, on black.

As controlnet_aux's `draw_bodypose` draws it (there with OpenCV): limbs at six tenths of their colours, then
dots at full. What is 4 pixels wide there is so in a picture whose shorter side is 512, and grows with it: the
maps that the networks learned from were drawn at that size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from backends.core.contract.pose import COLOURS, LIMBS, Figure, Point

_WIDTH, _SIDE, _DARKER = 4, 512, 0.6
_ROUND = np.radians(np.arange(361))


def draw_pose(people: Sequence[Figure], size: tuple[int, int]) -> Image.Image:
    """An RGB picture of this width and height; places are its pixels, and may lie outside."""
    image = Image.new("RGB", size)
    draw, width = ImageDraw.Draw(image), max(1, round(_WIDTH * min(size) / _SIDE))
    for figure in people:
        for (start, end), colour in zip(LIMBS, COLOURS, strict=False):
            if (a := figure[start]) and (b := figure[end]):
                dark = tuple(int(each * _DARKER) for each in colour)
                draw.polygon(_ellipse(a, b, width), fill=dark)
        for at, colour in zip(figure, COLOURS, strict=True):
            if at:
                _dot(draw, (int(at[0]), int(at[1])), width, colour)
    return image


def _ellipse(start: Point, end: Point, width: int) -> list[tuple[int, int]]:
    """Its outline in whole pixels, a degree after the other; rounded as there."""
    middle = [int((a + b) / 2) for a, b in zip(start, end, strict=True)]
    across, down = start[0] - end[0], start[1] - end[1]
    angle = math.radians(int(math.degrees(math.atan2(down, across))))
    long, short = int(math.hypot(across, down) / 2) * np.cos(_ROUND), width * np.sin(_ROUND)
    x = _whole(middle[0] + long * math.cos(angle) - short * math.sin(angle))
    y = _whole(middle[1] + long * math.sin(angle) + short * math.cos(angle))
    return list(zip(x, y, strict=True))


def _whole(values: NDArray[np.float64]) -> list[int]:
    return np.rint(values).astype(int).tolist()


def _dot(draw: ImageDraw.ImageDraw, at: tuple[int, int], radius: int, colour: tuple[int, int, int]) -> None:
    for row in range(-radius, radius + 1):
        half = int(math.sqrt(radius * radius - row * row))
        draw.line((at[0] - half, at[1] + row, at[0] + half, at[1] + row), fill=colour)

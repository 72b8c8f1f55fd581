"""The ten scenes, drawn procedurally at twice the picture's size and reduced."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from world import BACKDROPS

SIZE = 128
GRID = 8  # features keep to the autoencoder's grid, so that a small denoiser sees them repeat
RGB = tuple[int, int, int]


def gradient(top: RGB, bottom: RGB) -> Image.Image:
    """A vertical gradient over the whole (doubled) picture."""
    ramp = np.linspace(0.0, 1.0, 2 * SIZE)[:, None] * (np.array(bottom) - top) + top
    column = np.repeat(ramp[:, None, :], 2 * SIZE, axis=1)
    return Image.fromarray(column.round().astype(np.uint8))


class Canvas:
    """Draws in picture coordinates (0..128) on an image of twice the size."""

    def __init__(self, top: RGB, bottom: RGB) -> None:
        self.image = gradient(top, bottom)
        self._draw = ImageDraw.Draw(self.image)

    def box(self, left: float, top: float, right: float, bottom: float, fill: RGB) -> None:
        """A filled rectangle; `right` and `bottom` are outside it."""
        self._draw.rectangle((2 * left, 2 * top, 2 * right - 1, 2 * bottom - 1), fill=fill)

    def disc(self, x: float, y: float, radius: float, fill: RGB, outline: RGB | None = None) -> None:
        """A circle."""
        corners = (2 * (x - radius), 2 * (y - radius), 2 * (x + radius), 2 * (y + radius))
        self._draw.ellipse(corners, fill=fill, outline=outline, width=2)

    def hill(self, x: float, y: float, width: float, height: float, fill: RGB) -> None:
        """The upper half of an ellipse that stands on y + height."""
        self._draw.ellipse((2 * (x - width), 2 * y, 2 * (x + width), 2 * (y + 2 * height)), fill=fill)

    def triangle(self, x: float, top: float, bottom: float, half: float, fill: RGB) -> None:
        """An upright triangle."""
        self._draw.polygon(
            [(2 * x, 2 * top), (2 * (x - half), 2 * bottom), (2 * (x + half), 2 * bottom)], fill=fill
        )


def places(rng: random.Random, count: int, top: int, bottom: int) -> list[tuple[int, int]]:
    """`count` different cell centres between two heights."""
    cells = [(x, y) for y in range(top, bottom, GRID) for x in range(0, SIZE, GRID)]
    return [(x + 4, y + 4) for x, y in rng.sample(cells, count)]


def beach(rng: random.Random) -> Canvas:
    canvas = Canvas((118, 196, 250), (216, 240, 255))
    canvas.disc(rng.choice((20, 60, 100)), 20, 11, (255, 222, 84))
    canvas.box(0, 72, 128, 90, (34, 116, 190))
    canvas.box(0, 72, 128, 75, (70, 150, 214))
    canvas.box(0, 88, 128, 128, (240, 216, 160))
    canvas.box(0, 87, 128, 89, (250, 250, 250))
    return canvas


def pine(canvas: Canvas, x: int, base: int, height: int, fill: RGB) -> None:
    for layer in range(3):
        top = base - height + layer * height * 0.24
        canvas.triangle(x, top, top + height * 0.5, 7 + 4 * layer, fill)


def forest(rng: random.Random) -> Canvas:
    canvas = Canvas((162, 214, 236), (206, 230, 236))
    phase = rng.choice((0, 16))
    for number, x in enumerate(range(phase - 8, 150, 32)):
        pine(canvas, x + 16, 88, 64, (62, 122, 88))
        pine(canvas, x, 88, 80 if number % 2 else 72, (30, 86, 56))
    canvas.box(0, 80, 128, 128, (58, 112, 52))
    return canvas


def meadow(rng: random.Random) -> Canvas:
    canvas = Canvas((110, 190, 250), (212, 238, 255))
    canvas.hill(rng.choice((24, 104)), 64, 70, 30, (126, 196, 92))
    canvas.box(0, 80, 128, 128, (92, 172, 70))
    for number, (x, y) in enumerate(places(rng, 18, 88, 128)):
        petals = ((255, 255, 255), (255, 224, 70), (250, 130, 170))[number % 3]
        canvas.disc(x, y, 2.6, petals)
        canvas.disc(x, y, 1, (240, 170, 40))
    return canvas


def snow(rng: random.Random) -> Canvas:
    canvas = Canvas((158, 192, 222), (220, 232, 244))
    canvas.hill(rng.choice((24, 104)), 64, 72, 30, (226, 236, 246))
    canvas.box(0, 84, 128, 128, (244, 248, 253))
    for x, y in places(rng, 20, 0, 80):
        canvas.disc(x, y, 2, (255, 255, 255))
    return canvas


def night(rng: random.Random) -> Canvas:
    canvas = Canvas((12, 16, 50), (34, 42, 92))
    for x, y in places(rng, 14, 0, 72):
        canvas.disc(x, y, 1.2, (240, 240, 220))
    canvas.disc(rng.choice((20, 108)), 20, 12, (250, 244, 206))
    canvas.box(0, 88, 128, 128, (20, 40, 36))
    return canvas


def space(rng: random.Random) -> Canvas:
    canvas = Canvas((8, 8, 24), (22, 12, 44))
    for x, y in places(rng, 24, 0, 128):
        canvas.disc(x, y, 1.2, (250, 250, 250))
    x, y = rng.choice(((20, 24), (108, 24), (108, 104)))
    canvas.disc(x, y, 13, rng.choice(((222, 104, 66), (120, 140, 220), (220, 180, 110))))
    return canvas


def underwater(rng: random.Random) -> Canvas:
    canvas = Canvas((40, 160, 214), (8, 48, 112))
    for x, y in places(rng, 12, 0, 112):
        canvas.disc(x, y, 3, (66, 166, 216), (176, 224, 246))
    canvas.hill(64, 112, 100, 20, (62, 92, 112))
    return canvas


def windows(canvas: Canvas, left: int, top: int) -> None:
    for y in range(top + 4, 88, 8):
        for x in (left + 3, left + 10):
            canvas.box(x, y, x + 3, y + 4, (250, 226, 130))


def city(rng: random.Random) -> Canvas:
    canvas = Canvas((150, 200, 238), (222, 232, 240))
    walls = ((112, 122, 152), (136, 112, 138), (92, 130, 136))
    heights = rng.choice(((24, 48, 16, 40, 32, 56, 24, 40), (48, 16, 40, 24, 56, 32, 16, 48)))
    for number, top in enumerate(heights):
        canvas.box(16 * number, top, 16 * number + 16, 96, walls[number % 3])
        windows(canvas, 16 * number, top)
    canvas.box(0, 88, 128, 128, (84, 86, 92))
    canvas.box(0, 88, 128, 91, (170, 170, 172))
    return canvas


def sunset(rng: random.Random) -> Canvas:
    canvas = Canvas((88, 48, 132), (255, 158, 84))
    canvas.disc(rng.choice((24, 64, 104)), 88, 14, (255, 214, 92))
    canvas.box(0, 88, 128, 128, (52, 40, 58))
    return canvas


def desert(rng: random.Random) -> Canvas:
    canvas = Canvas((250, 206, 140), (255, 234, 190))
    canvas.disc(rng.choice((20, 108)), 20, 11, (255, 246, 214))
    canvas.hill(rng.choice((16, 112)), 64, 80, 40, (226, 160, 92))
    canvas.box(0, 88, 128, 128, (212, 140, 74))
    canvas.hill(rng.choice((40, 88)), 80, 90, 40, (212, 140, 74))
    return canvas


PAINTERS: dict[str, Callable[[random.Random], Canvas]] = {
    "beach": beach, "forest": forest, "meadow": meadow, "snow": snow, "night": night,
    "space": space, "underwater": underwater, "city": city, "sunset": sunset, "desert": desert,
}  # fmt: skip
GROUNDED = frozenset(PAINTERS) - {"space", "underwater"}


def paint(name: str, rng: random.Random) -> Image.Image:
    """The backdrop of that name (a scene or a plain colour) as a new 128 x 128 RGB image."""
    colour = BACKDROPS[name].rgb
    if colour is not None:
        return Image.new("RGB", (SIZE, SIZE), colour)
    return PAINTERS[name](rng).image.reduce(2)

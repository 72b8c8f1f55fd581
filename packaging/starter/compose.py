"""Compositions: draws what a picture shows (`Spec`) at random, and paints it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

import numpy as np

from art import Sprites
from scenes import GROUNDED, paint
from world import COLOURS, CONCEPTS, FOODS, INDEX, SCENES, SUBJECTS, held_out

Relation = Literal["alone", "left", "above", "eating"]
RELATIONS: tuple[Relation, ...] = ("alone", "left", "above", "eating")
RELATION_WEIGHTS = (0.45, 0.22, 0.08, 0.25)
SOFT_SHARE = 0.1
SCENE_SHARE = 0.65
CELL = 16  # two latents: one place at the first of the lower resolutions
Box = tuple[int, int, int]  # left, top, size


@dataclass(frozen=True)
class Spec:
    """What one picture shows. `second` is left out when `first` is alone."""

    first: str
    relation: Relation
    second: str | None
    backdrop: str
    style: str

    @property
    def held_out(self) -> bool:
        """True if the picture shows a pair kept for tests."""
        pair = self.second is not None and held_out(self.first, self.second)
        return pair or held_out(self.first, self.backdrop)


def draw_spec(rng: random.Random) -> Spec:
    """Any picture, held out or not."""
    relation = rng.choices(RELATIONS, RELATION_WEIGHTS)[0]
    eating = relation == "eating" or (relation == "alone" and rng.random() < 0.55)
    first = rng.choice(SUBJECTS if eating else CONCEPTS).name
    second = None if relation == "alone" else rng.choice(FOODS if relation == "eating" else CONCEPTS).name
    backdrop = rng.choice(SCENES if rng.random() < SCENE_SHARE else COLOURS).name
    return Spec(first, relation, second, backdrop, "soft" if rng.random() < SOFT_SHARE else "flat")


def draw_training_spec(rng: random.Random) -> Spec:
    """A picture that is not held out."""
    while (spec := draw_spec(rng)).held_out:
        pass
    return spec


def layout(spec: Spec, rng: random.Random) -> list[Box]:
    """Where the sprites go: one place for each part of a composition, and one size for each place.

    Places are a multiple of CELL apart, so that a sprite meets the denoiser's lower resolutions in one
    phase. With 8 places, in two phases, the second of two things was learned four times more slowly than
    one that stands alone, and with several sizes hardly at all.
    """
    drop = CELL if spec.backdrop in GROUNDED else 0
    if spec.relation == "alone":
        return [(24 + CELL * rng.choice((-1, 0, 0, 1)), 24 + drop, 80)]
    if spec.relation == "left":
        return [(0, 32 + drop, 64), (64, 32 + drop, 64)]
    if spec.relation == "above":
        return [(32, 0, 64), (32, 64, 64)]
    return [(8, 24 + drop, 80), (64, 48 + drop, 64)]


def regions(spec: Spec) -> list[Box]:
    """Everywhere a sprite may stand in this composition."""
    boxes = layout(spec, random.Random(0))
    if spec.relation != "alone":
        return boxes
    ((_, top, size),) = boxes
    return [(left, top, size) for left in (24 - CELL, 24, 24 + CELL)]


def render(spec: Spec, sprites: Sprites, rng: random.Random) -> np.ndarray:
    """The picture as 128 x 128 RGB bytes."""
    image = paint(spec.backdrop, rng)
    for name, (left, top, size) in zip((spec.first, spec.second), layout(spec, rng), strict=False):
        if name is not None:
            sprite = sprites.get(INDEX[name], spec.style, size)
            image.paste(sprite, (left, top), sprite)
    return np.asarray(image)

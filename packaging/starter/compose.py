"""Compositions: draws what a picture shows (`Spec`) at random, and paints it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

import numpy as np

from art import Sprites
from scenes import GRID, GROUNDED, paint
from world import COLOURS, CONCEPTS, FOODS, INDEX, SCENES, SUBJECTS, held_out

Relation = Literal["alone", "left", "above", "eating"]
RELATIONS: tuple[Relation, ...] = ("alone", "left", "above", "eating")
RELATION_WEIGHTS = (0.45, 0.22, 0.08, 0.25)
SOFT_SHARE = 0.2
SCENE_SHARE = 0.65
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


def jitter(rng: random.Random) -> int:
    """One grid step, to either side or not at all."""
    return GRID * rng.choice((-1, 0, 0, 1))


def layout(spec: Spec, rng: random.Random) -> list[Box]:
    """Where the sprites go. All on the autoencoder's grid, so that a sprite's latents repeat exactly.

    Whoever stands alone is as large as whoever eats: with three sizes instead, each to be learned by
    itself, 170,000 samples gave smears in the right colours.
    """
    dx, dy = jitter(rng), GRID * rng.choice((-1, 0))
    drop = GRID if spec.backdrop in GROUNDED else 0
    if spec.relation == "alone":
        return [(24 + dx, 24 + dy + drop, 80)]
    if spec.relation == "left":
        return [(8 + dx, 40 + dy + drop, 56), (64 + dx, 40 + dy + drop, 56)]
    if spec.relation == "above":
        return [(40 + dx, 8 + dy, 56), (40 + dx, 72 + dy, 56)]
    return [(16 + dx, 24 + dy + drop, 80), (72 + dx, 72 + dy + drop, 40)]


def render(spec: Spec, sprites: Sprites, rng: random.Random) -> np.ndarray:
    """The picture as 128 x 128 RGB bytes."""
    image = paint(spec.backdrop, rng)
    for name, (left, top, size) in zip((spec.first, spec.second), layout(spec, rng), strict=False):
        if name is not None:
            sprite = sprites.get(INDEX[name], spec.style, size)
            image.paste(sprite, (left, top), sprite)
    return np.asarray(image)

"""Hi-res fix: what the second pass starts from, and the request that it is.

The second pass is an image-to-image run in the larger size with the picture's own seed, so that the same
can be made by hand: a picture from noise, enlarged, and used as a start with that seed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from backends.core import latent_space, noise, samplers
from backends.core.contract import Hires, InvalidRequest, ModelFacts, Request

Start = Callable[[torch.Generator], Tensor]
"""A picture's clean latents, scaled: (1, C, h, w). May draw from the generator."""


def drawn_from(moments: tuple[Tensor, Tensor], facts: ModelFacts) -> Start:
    """Latents as the encoder sees a picture: with a mean and a deviation. Without one nothing is drawn."""
    mean, deviation = moments

    if not bool(deviation.any()):
        return lambda _: facts.scaling_factor * mean

    def draw(generator: torch.Generator) -> Tensor:
        return facts.scaling_factor * (mean + deviation * noise.draw(tuple(mean.shape), generator))

    return draw


def second_pass(request: Request, hires: Hires, scheduler: Any) -> Request:
    """The second pass as a request of its own. `scheduler` is a fresh one of the request's."""
    steps = schedule_for(scheduler, hires)
    return replace(
        request, width=hires.width, height=hires.height, steps=steps, strength=hires.strength, hires=None
    )


def schedule_for(scheduler: Any, hires: Hires) -> int:
    """How many steps a schedule has of which the strength leaves as many as are asked for."""
    least = max(hires.steps, math.floor(hires.steps / hires.strength) - 1)
    for steps in range(least, least + 4):
        if steps - samplers.skipped_steps(scheduler, steps, hires.strength) == hires.steps:
            return steps
    raise InvalidRequest(
        f"With a strength of {hires.strength:g} the hi-res fix can't make {hires.steps} steps.",
        "Use another number of steps.",
    )


def enlarged_latents(latents: Tensor, shape: tuple[int, ...], patch: int = 1) -> Tensor:
    """(1, C, h, w) -> (1, C, H, W), bilinear, as A1111's "Latent"; packed places one by one."""
    size = [side * patch for side in shape[-2:]]
    places = latent_space.unpacked(latents, patch)
    larger = torch.nn.functional.interpolate(places, size=size, mode="bilinear", align_corners=False)
    return latent_space.packed(larger, patch)

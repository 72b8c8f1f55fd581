"""Reference pictures: pictures that a model looks at while it makes another, as FLUX.2 does.

They are not started from: their latents stand beside those of the picture that is made, at each step.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from backends.core import guard
from backends.core.contract import ReferenceRefused, Request, Stages
from backends.core.memory import in_words
from backends.core.opening import open_picture

_MOST_PIXELS = 1024 * 1024
_LEAST_SIDE = 64
_LONGEST = 8


def read(request: Request, stages: Stages) -> dict[str, Tensor]:
    """What the denoiser is given of the request's reference pictures: "reference_0" and so on, each the
    latents of one, (1, C, h, w). Raises ReferenceRefused or UnreadablePicture."""
    facts = stages.facts
    if request.references and not facts.takes_references:
        raise ReferenceRefused(
            f"The model {facts.name} can't look at reference pictures.",
            "Leave them out, or choose a model of the kind FLUX.2 klein.",
        )
    pictures = [reference_pixels(data, facts.size_step) for data in request.references]
    _check_room(request, stages, sum(each.shape[-1] * each.shape[-2] for each in pictures))
    found: dict[str, Tensor] = {}
    for number, picture in enumerate(pictures):
        mean, _ = stages.encode_image(picture)
        guard.check_finite(mean, "reading a reference picture")
        found[f"reference_{number}"] = facts.scaling_factor * mean
    return found


def _check_room(request: Request, stages: Stages, pixels: int) -> None:
    """Raises ReferenceRefused where looking at so many pixels would take more memory than there is.

    To the denoiser they are as many more places: a picture that is that much taller takes the same.
    """
    room: Callable[[tuple[int, int]], tuple[int, int]] | None = getattr(stages, "denoising_bytes", None)
    if room is None or not pixels:
        return
    step = stages.facts.size_step
    need, free = room((request.width, request.height + math.ceil(pixels / request.width / step) * step))
    if need > free:
        raise ReferenceRefused(
            f"With these reference pictures it needs about {in_words(need)} of memory; "
            f"{in_words(free)} is free.",
            "Use fewer or smaller ones, or close other programs.",
        )


def reference_pixels(data: bytes, step: int) -> Tensor:
    """(1, 3, H, W) in -1..1: made smaller where it has over a million pixels, and cut at the middle to sides
    that are multiples of `step`, as diffusers' Flux2ImageProcessor does it."""
    image = open_picture(data)
    _check_sides(*image.size)
    if image.width * image.height > _MOST_PIXELS:
        factor = math.sqrt(_MOST_PIXELS / (image.width * image.height))
        smaller = int(image.width * factor), int(image.height * factor)
        image = image.resize(smaller, Image.Resampling.LANCZOS)
    width, height = (side // step * step for side in image.size)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    cut = image.crop((left, top, left + width, top + height))
    pixels = torch.asarray(np.asarray(cut, dtype=np.float32) / 255.0)
    return pixels.permute(2, 0, 1)[None] * 2.0 - 1.0


def _check_sides(width: int, height: int) -> None:
    if min(width, height) < _LEAST_SIDE or max(width, height) > _LONGEST * min(width, height):
        raise ReferenceRefused(
            f"A reference picture can't be {width} x {height}.",
            f"Use one of at least {_LEAST_SIDE} pixels a side, at most {_LONGEST} times as long as wide.",
        )

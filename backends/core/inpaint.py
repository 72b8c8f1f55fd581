"""Inpainting and outpainting: a part of the start picture is made anew, the rest stays as it is.

Ordinary networks: after each step what is known is put back, noised as the next step expects it. Networks
made for inpainting take the mask and the picture without the masked part as further channels. Both as
diffusers' StableDiffusionInpaintPipeline and its kin do it. Last, the known pixels themselves are put back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from backends.core import masks, noise, pictures
from backends.core.contract import ModelFacts, Request, Stages

_FULL = 255.0


@dataclass(frozen=True)
class Inpainting:
    """`pixels`: (1, 3, H, W) in -1..1, the start picture with its surroundings. `repaint`: (1, 1, H, W), how
    much of each pixel is new, 0 to 1. `masked`: mean and deviation of the latents of what is known, for a
    network that is told; else None."""

    pixels: Tensor
    repaint: Tensor
    masked: tuple[Tensor, Tensor] | None = None

    def cells(self, scale: int) -> Tensor:
        """(1, 1, H / scale, W / scale): 1 for each latent of which any pixel is new, else 0."""
        return torch.nn.functional.max_pool2d((self.repaint > 0).float(), scale)

    def composed(self, made: Tensor) -> Tensor:
        """(3, H, W) in 0..1, with the start picture's own pixels where nothing is new."""
        return self.repaint[0] * made + (1 - self.repaint[0]) * pictures.to_unit(self.pixels)


def read(request: Request, stages: Stages) -> Inpainting | None:
    """None where the whole picture is made by a network that takes no mask.

    Raises InvalidRequest or UnreadablePicture.
    """
    told, masked = stages.facts.takes_mask, request.mask is not None or any(request.extend)
    if not told and not masked:
        return None
    pixels, repaint = _surroundings(request), _repaint(request)
    return Inpainting(pixels, repaint, stages.encode_image(pixels * (repaint == 0)) if told else None)


def start_pixels(request: Request) -> Tensor:
    """The request's start picture as (1, 3, height, width) in -1..1, mirrored where it is extended."""
    assert request.init_image is not None
    return placed(request.init_image, request)


def placed(data: bytes, request: Request) -> Tensor:
    """The same of another picture, where the start picture is."""
    left, top, right, bottom = request.extend
    inner = pictures.image_array(data, request.width - left - right, request.height - top - bottom)
    if not any(request.extend):
        return inner
    edges = ((0, 0), (0, 0), (top, bottom), (left, right))
    return torch.asarray(np.pad(inner.numpy(), edges, mode="symmetric"))


def _surroundings(request: Request) -> Tensor:
    """A middle grey where there is no picture."""
    if request.init_image is None:
        return torch.zeros(1, 3, request.height, request.width)
    return start_pixels(request)


def _repaint(request: Request) -> Tensor:
    mask = None
    if request.mask is not None and request.init_image is not None:
        mask = masks.open_mask(request.mask, masks.picture_size(request.init_image))
    size = request.width, request.height
    shown = masks.repainted(mask, size, request.extend, request.feather)
    return torch.asarray(np.asarray(shown, dtype=np.float32) / _FULL)[None, None]


class Region(Protocol):
    """How one picture keeps what is known, step by step."""

    def widened(self, model_input: Tensor) -> Tensor:
        """What the network is given for this model input, (1, C, h, w)."""
        ...

    def restored(self, scheduler: Any, latents: Tensor, following: Tensor) -> Tensor:
        """The latents after a step. `following` is the next timestep, (1,), or (0,) after the last."""
        ...


class Everything:
    """All of the picture is new, and the network is told nothing."""

    def widened(self, model_input: Tensor) -> Tensor:
        return model_input

    def restored(self, scheduler: Any, latents: Tensor, following: Tensor) -> Tensor:
        return latents


@dataclass(frozen=True)
class MaskedLatents(Everything):
    """What is known comes back after each step: `clean` latents with the picture's own `noise`."""

    cells: Tensor
    clean: Tensor
    noise: Tensor

    def restored(self, scheduler: Any, latents: Tensor, following: Tensor) -> Tensor:
        known = scheduler.add_noise(self.clean, self.noise, following) if len(following) else self.clean
        return (1 - self.cells) * known + self.cells * latents


@dataclass(frozen=True)
class MaskChannels(Everything):
    """The network is told: the mask and the latents of what is known lie behind its input's channels."""

    told: Tensor

    def widened(self, model_input: Tensor) -> Tensor:
        return torch.cat([model_input, self.told], dim=1)


def region(
    inpainting: Inpainting | None,
    facts: ModelFacts,
    clean: Tensor | None,
    drawn: Tensor,
    generator: torch.Generator,
) -> Region:
    """For one picture with its `clean` latents of the start picture and its `drawn` noise.

    Like diffusers it draws once more for the latents of what is known, whether the network is told or not.
    """
    if inpainting is None:
        return Everything()
    cells, sample = inpainting.cells(facts.latent_scale), noise.draw(tuple(drawn.shape), generator)
    if inpainting.masked is not None:
        mean, deviation = inpainting.masked
        return MaskChannels(torch.cat([cells, facts.scaling_factor * (mean + deviation * sample)], dim=1))
    assert clean is not None
    return MaskedLatents(cells, clean, drawn)

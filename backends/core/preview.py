"""Latents -> a small picture, cheap enough for every step.

The nearest thing to the finished picture that a step knows is its estimate of the clean latents.
A linear map, one colour for each latent, shows it at a hundredth of the decoder's cost. The map
is fitted to the model's own decoder, once for each opened model, so it needs no table of known models.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from backends.core.contract import Picture, Stages
from backends.core.flow import is_flow
from backends.core.latent_space import packed, unpacked
from backends.core.pictures import to_picture, to_unit

_PATCH = 8
_SAMPLES = 12


class LinearPreview:
    """A matrix (C, 3) and a bias (3) from scaled latents to colours in -1..1.

    `patch`: so many places a side are packed into one, each of which has a colour of its own.
    """

    def __init__(self, matrix: Tensor, bias: Tensor, patch: int = 1) -> None:
        self.matrix, self.bias, self.patch = matrix, bias, patch

    def __call__(self, latents: Tensor) -> Picture:
        """(1, C, h, w) clean scaled latents -> a picture with a pixel for each place."""
        places = unpacked(latents, self.patch)
        colours = torch.einsum("bchw,cr->brhw", places, self.matrix) + self.bias[None, :, None, None]
        return to_picture(to_unit(colours))


_fitted: WeakKeyDictionary[Stages, tuple[object, LinearPreview]] = WeakKeyDictionary()
"""With the VAE that stands in for the model's own, if any."""


def of(stages: Stages) -> LinearPreview:
    """The map of an opened model: fitted when it is first asked for, and gone with the model.

    Stages whose decoder takes one size only bring theirs along, as `known_preview`.
    """
    decoder: object = getattr(stages, "decoder", None)
    if stages not in _fitted or _fitted[stages][0] != decoder:
        known: LinearPreview | None = getattr(stages, "known_preview", None)
        facts = stages.facts
        fitted = known or fit(stages.decode, facts.latent_channels, facts.latent_patch)
        _fitted[stages] = decoder, fitted
    return _fitted[stages][1]


def fit(decode: Callable[[Tensor], Tensor], channels: int, patch: int = 1) -> LinearPreview:
    """Fits the map by ridge regression on the decoder's answer to smooth random latents.

    `decode` takes (1, C, h, w) scaled latents and gives (1, 3, H, W) in -1..1.
    """
    generator, channels = torch.Generator("cpu").manual_seed(0), channels // patch**2
    smooth = _smooth_noise((_SAMPLES, channels, _PATCH, _PATCH), generator)
    pictures = torch.cat([decode(packed(sample[None], patch)) for sample in smooth])
    colours = torch.nn.functional.adaptive_avg_pool2d(pictures, _PATCH)
    inputs = smooth.permute(0, 2, 3, 1).reshape(-1, channels)
    targets = colours.permute(0, 2, 3, 1).reshape(-1, 3)
    ones = torch.ones(len(inputs), 1)
    design = torch.cat([inputs, ones], dim=1).double()
    gram = design.T @ design + 0.1 * torch.eye(channels + 1, dtype=torch.float64)
    solution = cast(Tensor, cast(Any, torch.linalg).solve(gram, design.T @ targets.double())).float()
    return LinearPreview(solution[:-1], solution[-1], patch)


def _smooth_noise(shape: tuple[int, int, int, int], generator: torch.Generator) -> Tensor:
    """Latents of broad areas, a little tamer than a picture's: rougher ones drive a decoder to its limits."""
    count, channels, height, width = shape
    coarse = 0.8 * torch.randn(count, channels, height // 4, width // 4, generator=generator)
    return torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear")


def clean_estimate(scheduler: Any, sample: Tensor, prediction: Tensor, timestep: float) -> Tensor:
    """The clean latents that this prediction implies.

    `sample` is the scaled model input: for every scheduler it is sqrt(a) x0 + sqrt(1 - a) noise,
    with a the cumulative alpha at the timestep (Ho et al. 2020; v as in Salimans and Ho 2022). A flow's
    is (1 - s) x0 + s noise, and its prediction noise - x0 (Liu et al. 2022, arXiv:2209.03003).
    """
    if is_flow(scheduler):
        return sample - scheduler.noise_share(timestep) * prediction
    alpha = _alpha_at(scheduler.alphas_cumprod, timestep)
    signal, noise = alpha**0.5, (1 - alpha) ** 0.5
    kind = scheduler.config.prediction_type
    if kind == "v_prediction":
        return signal * sample - noise * prediction
    if kind == "sample":
        return prediction
    return (sample - noise * prediction) / max(signal, 1e-4)


def noise_share(scheduler: Any, timestep: float) -> float:
    """How much of the latents is noise at this timestep, 0 to 1: sqrt(1 - a), or a flow's s."""
    if is_flow(scheduler):
        return scheduler.noise_share(timestep)
    return max(0.0, 1 - _alpha_at(scheduler.alphas_cumprod, timestep)) ** 0.5


def _alpha_at(alphas: Tensor, timestep: float) -> float:
    position = min(max(timestep, 0.0), len(alphas) - 1.0)
    low = int(position)
    high = min(low + 1, len(alphas) - 1)
    return float(torch.lerp(alphas[low].double(), alphas[high].double(), position - low))

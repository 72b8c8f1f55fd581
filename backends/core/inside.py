"""How a picture comes to be, as small pictures for somebody who wants to look.

Loaded and run only when asked for. It watches the loop and changes nothing in it: the picture is the
same with it and without, bit for bit. All pictures are at most 64 pixels wide and high, so that a
thousand steps stay under 50 MB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from backends.core import preview
from backends.core.attention_maps import AttentionMaps
from backends.core.contract import (
    Denoised,
    Event,
    NoiseDrawn,
    Picture,
    Request,
    Stages,
    StepSeen,
    WordsAttended,
)

if TYPE_CHECKING:
    from backends.core.pipeline import Prediction

LARGEST_SIDE = 64


class Observer:
    """Watches the denoising of one picture. `tokens` is where each of the prompt's is."""

    def __init__(self, request: Request, stages: Stages, index: int, tokens: Sequence[int]) -> None:
        self._id, self._index, self._stages = request.id, index, stages
        self._show = preview.of(stages)
        size = stages.facts.latent_shape(request.width, request.height)[-2:]
        self._maps = AttentionMaps(tokens, size, shown_size(size))

    def watching(self) -> AbstractContextManager[None]:
        """For the time of a prediction: gathers attention, where the backend lets its network be seen."""
        network: Callable[[str], Any] | None = getattr(self._stages, "network", None)
        return nullcontext() if network is None else self._maps.watching(network("unet"))

    def start(self, model_input: Tensor) -> NoiseDrawn:
        """What denoising starts from: (1, C, h, w) as the network is given it."""
        return NoiseDrawn(self._id, self._index, self._picture(model_input, "nearest"))

    def step(
        self, scheduler: Any, model_input: Tensor, prediction: Prediction, timestep: float, done: int
    ) -> StepSeen:
        """One call of the network, with the picture that each of its answers implies."""

        def implied(answer: Tensor | None) -> Picture | None:
            if answer is None:
                return None
            return self._picture(preview.clean_estimate(scheduler, model_input, answer, timestep), "area")

        estimate = implied(prediction.guided)
        assert estimate is not None
        return StepSeen(
            self._id,
            self._index,
            step=done,
            noise_share=preview.noise_share(scheduler, timestep),
            latents=self._picture(model_input, "nearest"),
            estimate=estimate,
            unconditional=implied(prediction.unconditional),
            conditional=implied(prediction.conditional),
        )

    def finish(self, latents: Tensor) -> Iterator[Event]:
        """The latents as they go to the decoder, and where the words mattered."""
        yield Denoised(self._id, self._index, self._picture(latents, "area"))
        maps = self._maps.mean()
        if maps is not None:
            rows, columns = maps.shape[-2:]
            halves = tuple(each.half().numpy().tobytes() for each in maps)
            yield WordsAttended(self._id, self._index, columns, rows, halves)

    def _picture(self, latents: Tensor, mode: str) -> Picture:
        size = shown_size(tuple(latents.shape[-2:]))
        if size != tuple(latents.shape[-2:]):
            latents = torch.nn.functional.interpolate(latents, size=size, mode=mode)
        return self._show(latents)


def shown_size(size: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns in proportion, at most LARGEST_SIDE."""
    scale = min(1.0, LARGEST_SIDE / max(size))
    rows, columns = (max(1, round(side * scale)) for side in size)
    return rows, columns

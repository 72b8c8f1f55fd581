"""Schedules of consistency models in TrigFlow (Lu and Song 2024, arXiv:2410.11081), as flows.

There a picture's latents are cos(t) x0 + sin(t) noise. Made shorter by cos(t) + sin(t) they are a flow's,
(1 - s) x0 + s noise with s = sin(t) / (cos(t) + sin(t)), which is what networks like SANA-Sprint's were
trained on (Chen et al. 2025, arXiv:2503.09641). So the loop sees a flow whose timesteps are
s, latents as long as x0 and noise are, and a network that predicts noise - x0. Each step makes a clean
picture of it, and noise anew up to the next one. The scheduler is diffusers' own.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from backends.core.flow import Flow

if TYPE_CHECKING:
    from torch import Tensor

CLASSES = ("SCMScheduler",)
SAMPLERS = ("lcm",)
"""Consistency sampling in several steps is what LCM's is: a clean picture, then noise of its own."""
_SECOND_OF_TWO = 1.3
"""The angle that the second of two steps starts from: the best that SANA-Sprint's authors found."""


class Trigflow(Flow):
    """diffusers' SCMScheduler as a flow, in latents of unit deviation: its own are `sigma_data` of them."""

    timesteps: Tensor

    def set_timesteps(self, steps: int, device: str) -> None:
        second = _SECOND_OF_TWO if steps == 2 else None
        self._scheduler.set_timesteps(steps, device=device, intermediate_timesteps=second)
        self._scheduler.set_begin_index(0)
        angles = self._scheduler.timesteps[:-1]
        self.timesteps = angles.sin() / (angles.cos() + angles.sin())

    def scale_model_input(self, sample: Tensor, timestep: Tensor) -> Tensor:
        return sample * _length(timestep)

    def step(
        self, prediction: Tensor, timestep: Tensor, sample: Tensor, generator: Any = None, **others: Any
    ) -> Any:
        share, unit = timestep, self._scheduler.config.sigma_data
        seen = self.scale_model_input(sample, timestep)
        turned = (1 - 2 * share) * seen + (1 - 2 * share + 2 * share**2) * prediction
        turned = turned / _length(share)
        made = self._scheduler.step(
            turned * unit, None, sample * unit, generator=generator, return_dict=False
        )
        return tuple(each / unit for each in made)

    def add_noise(self, clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        share = timesteps.view(-1, 1, 1, 1)
        return ((1 - share) * clean + share * noise) / _length(share)

    def noise_share(self, timestep: float) -> float:
        return timestep


def make_scheduler(config: Mapping[str, Any]) -> Trigflow:
    """A fresh scheduler for a model's scheduler_config.json, with `latent_shape` in it."""
    from diffusers.schedulers.scheduling_scm import SCMScheduler

    scheduler: Any = SCMScheduler
    accepted = inspect.signature(scheduler.__init__).parameters
    settings = {name: config[name] for name in config if name in accepted}
    return Trigflow(scheduler(**settings), config["latent_shape"])


def _length(share: Tensor) -> Tensor:
    """Of (1 - s, s): what a flow's latents have, where TrigFlow's have 1."""
    return (share**2 + (1 - share) ** 2).sqrt()

"""Schedules of models that predict a flow from the picture to noise (Liu et al. 2022, arXiv:2209.03003).

The scheduler is diffusers' own. Ours is only that it answers to the names the loop calls, and that it
knows the picture's size where a model shifts its noise by that (Esser et al. 2024, arXiv:2403.03206).
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

CLASSES = ("FlowMatchEulerDiscreteScheduler",)
"""The schedulers of such models, by the name in scheduler_config.json."""
SAMPLERS = ("euler",)
_PATCH = 2  # latents a side that are one place to the transformer


class Flow:
    """A flow-matching scheduler of diffusers, by the names that the loop calls.

    `latent_shape` (B, C, H, W) decides how far noise is shifted where a model's scheduler asks for it.
    """

    init_noise_sigma = 1.0
    order = 1

    def __init__(self, scheduler: Any, latent_shape: Sequence[int]) -> None:
        self._scheduler, self._latent_shape = scheduler, latent_shape

    def __getattr__(self, name: str) -> Any:
        return getattr(self._scheduler, name)

    def set_timesteps(self, steps: int, device: str) -> None:
        self._scheduler.set_timesteps(steps, device=device, **self._arguments())

    def scale_model_input(self, sample: Tensor, timestep: Tensor) -> Tensor:
        return sample

    def step(
        self, prediction: Tensor, timestep: Tensor, sample: Tensor, generator: Any = None, **others: Any
    ) -> Any:
        return self._scheduler.step(prediction, timestep, sample, generator=generator, **others)

    def add_noise(self, clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        return self._scheduler.scale_noise(clean, timesteps, noise)

    def noise_share(self, timestep: float) -> float:
        """How much of the latents is noise at this timestep, 0 to 1."""
        return timestep / self._scheduler.config.num_train_timesteps

    def _arguments(self) -> dict[str, float]:
        return {"mu": self._shift()} if self._scheduler.config.use_dynamic_shifting else {}

    def _shift(self) -> float:
        places = math.prod(self._latent_shape[-2:]) // _PATCH**2
        config = self._scheduler.config
        low, high = config.base_image_seq_len, config.max_image_seq_len
        slope = (config.max_shift - config.base_shift) / (high - low)
        return places * slope + config.base_shift - slope * low


def is_flow(scheduler: Any) -> bool:
    return isinstance(scheduler, Flow)


def make_scheduler(config: Mapping[str, Any]) -> Flow:
    """A fresh scheduler for a model's scheduler_config.json, with `latent_shape` in it."""
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler

    scheduler: Any = FlowMatchEulerDiscreteScheduler
    accepted = inspect.signature(scheduler.__init__).parameters
    settings = {name: config[name] for name in config if name in accepted}
    return Flow(scheduler(**settings), config["latent_shape"])

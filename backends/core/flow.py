"""Schedules of models that predict a flow from the picture to noise (Liu et al. 2022, arXiv:2209.03003).

The scheduler is diffusers' own. Ours is only that it answers to the names the loop calls, and that it
knows the picture's size where a model shifts its noise by that (Esser et al. 2024, arXiv:2403.03206).
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

CLASSES = ("FlowMatchEulerDiscreteScheduler",)
"""The schedulers of such models, by the name in scheduler_config.json."""
SAMPLERS = ("euler",)
_PATCH = 2  # latents a side that are one place to the transformer


class Flow:
    """A flow-matching scheduler of diffusers, by the names that the loop calls.

    `latent_shape` (B, C, H, W) decides how far noise is shifted where a model's scheduler asks for it;
    `schedule` is one of SCHEDULES.
    """

    init_noise_sigma = 1.0
    order = 1

    def __init__(self, scheduler: Any, latent_shape: Sequence[int], schedule: str = "by size") -> None:
        self._scheduler, self._latent_shape = scheduler, latent_shape
        self._schedule = SCHEDULES[schedule]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._scheduler, name)

    def set_timesteps(self, steps: int, device: str) -> None:
        settings = self._schedule(self._scheduler.config, self._latent_shape[-2:], steps)
        self._scheduler.set_timesteps(steps, device=device, **settings)

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


def _by_size(config: Any, size: Sequence[int], steps: int) -> dict[str, Any]:
    """Shifted by the picture's size where the scheduler asks for it, as SD 3.5 does it."""
    if not config.use_dynamic_shifting:
        return {}
    places = math.prod(size) // _PATCH**2
    low, high = config.base_image_seq_len, config.max_image_seq_len
    slope = (config.max_shift - config.base_shift) / (high - low)
    return {"mu": places * slope + config.base_shift - slope * low}


def _evenly_by_size(config: Any, size: Sequence[int], steps: int) -> dict[str, Any]:
    """The same with even steps before the shift, the last as long as the others, as Z-Image does it."""
    return {"sigmas": _evenly(steps), **_by_size(config, size, steps)}


def _by_size_and_steps(config: Any, size: Sequence[int], steps: int) -> dict[str, Any]:
    """Even steps, shifted by the picture's size and by how many steps there are, as FLUX.2 does it.

    The numbers were fitted by its makers to 10 and to 200 steps (compute_empirical_mu in diffusers).
    """
    places = math.prod(size)
    many = 0.00016927 * places + 0.45666666
    few = 8.73809524e-05 * places + 1.89833333
    share = 1.0 if places > 4300 else (steps - 10) / 190
    return {"sigmas": _evenly(steps), "mu": few + share * (many - few)}


def _evenly(steps: int) -> list[float]:
    return [1 - step / steps for step in range(steps)]


SCHEDULES: Mapping[str, Callable[[Any, Sequence[int], int], dict[str, Any]]] = {
    "by size": _by_size,
    "even, by size": _evenly_by_size,
    "by size and steps": _by_size_and_steps,
}
"""What a schedule is told besides, from its configuration, the rows and columns of latents, and the steps."""


def is_flow(scheduler: Any) -> bool:
    return isinstance(scheduler, Flow)


def make_scheduler(config: Mapping[str, Any]) -> Flow:
    """A fresh scheduler for a model's scheduler_config.json, with `latent_shape` in it."""
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler

    scheduler: Any = FlowMatchEulerDiscreteScheduler
    accepted = inspect.signature(scheduler.__init__).parameters
    settings = {name: config[name] for name in config if name in accepted}
    return Flow(scheduler(**settings), config["latent_shape"], config.get("schedule", "by size"))

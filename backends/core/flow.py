"""Schedules of models that predict a flow from the picture to noise (Liu et al. 2022, arXiv:2209.03003).

The scheduler is diffusers' own. Ours is only that it answers to the names the loop calls, and that it
knows the picture's size where a model shifts its noise by that (Esser et al. 2024, arXiv:2403.03206).
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from torch import Tensor

CLASSES = ("FlowMatchEulerDiscreteScheduler",)
"""The schedulers of such models, by the name in scheduler_config.json."""
SAMPLERS = ("euler",)


class Flow:
    """A flow-matching scheduler of diffusers, by the names that the loop calls.

    `shift` gives the settings of `set_timesteps` for a number of steps: sigmas, or a shift `mu`.
    """

    init_noise_sigma = 1.0
    order = 1

    def __init__(self, scheduler: Any, schedule: Mapping[str, Any]) -> None:
        self._scheduler, self._schedule = scheduler, schedule

    def __getattr__(self, name: str) -> Any:
        return getattr(self._scheduler, name)

    def set_timesteps(self, steps: int, device: str) -> None:
        self._scheduler.set_timesteps(steps, device=device, **self._arguments(steps))

    def scale_model_input(self, sample: Tensor, timestep: Tensor) -> Tensor:
        return sample

    def step(
        self, prediction: Tensor, timestep: Tensor, sample: Tensor, generator: Any = None, **others: Any
    ) -> Any:
        return self._scheduler.step(prediction, timestep, sample, generator=generator, **others)

    def add_noise(self, clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        return self._scheduler.scale_noise(clean, timesteps, noise)

    def _arguments(self, steps: int) -> dict[str, Any]:
        """By the family's schedule: "default" is the scheduler's own, "linear" goes from 1 to 1 / steps."""
        arguments: dict[str, Any] = {}
        if self._schedule.get("sigmas") == "linear":
            import numpy as np

            arguments["sigmas"] = cast(Any, np).linspace(1.0, 1 / steps, steps)
        if self._scheduler.config.use_dynamic_shifting:
            arguments["mu"] = self._shift(steps)
        return arguments

    def _shift(self, steps: int) -> float:
        rows, columns = self._schedule["latent_shape"][-2:]
        places = rows * columns // self._schedule.get("patch", 2) ** 2
        if self._schedule.get("shift_by") == "places and steps":
            return _empirical_shift(places, steps)
        config = self._scheduler.config
        low, high = config.base_image_seq_len, config.max_image_seq_len
        slope = (config.max_shift - config.base_shift) / (high - low)
        return places * slope + config.base_shift - slope * low


def _empirical_shift(places: int, steps: int) -> float:
    """FLUX.2's shift, as its makers fitted it to the number of places and of steps."""
    from diffusers.pipelines.flux2.pipeline_flux2_klein import compute_empirical_mu

    return compute_empirical_mu(places, steps)


def is_flow(scheduler: Any) -> bool:
    return isinstance(scheduler, Flow)


def make_scheduler(config: Mapping[str, Any]) -> Flow:
    """A fresh scheduler for a model's scheduler_config.json, with `schedule` and `latent_shape` in it."""
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler

    scheduler: Any = FlowMatchEulerDiscreteScheduler
    accepted = inspect.signature(scheduler.__init__).parameters
    settings = {name: config[name] for name in config if name in accepted}
    schedule = {**config.get("schedule", {}), "latent_shape": config.get("latent_shape")}
    return Flow(scheduler(**settings), schedule)

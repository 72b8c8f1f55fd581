"""Sampler id -> a configured diffusers scheduler.

The schedulers are diffusers' own. What is ours: the ids and names people know (contract.SAMPLERS),
and that a model trained to zero terminal SNR (Lin et al. 2023, arXiv:2305.08891) keeps its noise
schedule with schedulers that have no switch for it.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import torch

from backends.core import flow, trigflow
from backends.core.contract import SAMPLERS, InvalidRequest, ModelFacts, unknown

_LAST_ALPHA = 2.0**-24
"""diffusers' last cumulative alpha of a zero-terminal-SNR schedule, so that sigma is finite."""


@dataclass(frozen=True)
class Recipe:
    """A diffusers scheduler class, by module and name, and the settings that make it this sampler."""

    module: str
    name: str
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def load(self) -> Any:
        module = importlib.import_module(f"diffusers.schedulers.scheduling_{self.module}")
        return getattr(module, self.name)


_KARRAS = {"use_karras_sigmas": True}
_SDE = {"algorithm_type": "sde-dpmsolver++"}
_SINGLE = {"lower_order_final": True}


def _euler(**settings: Any) -> Recipe:
    return Recipe("euler_discrete", "EulerDiscreteScheduler", settings)


def _multistep(**settings: Any) -> Recipe:
    return Recipe("dpmsolver_multistep", "DPMSolverMultistepScheduler", settings)


def _singlestep(**settings: Any) -> Recipe:
    return Recipe("dpmsolver_singlestep", "DPMSolverSinglestepScheduler", _SINGLE | settings)


RECIPES: Mapping[str, Recipe] = {
    "euler": _euler(),
    "euler_a": Recipe("euler_ancestral_discrete", "EulerAncestralDiscreteScheduler"),
    "euler_karras": _euler(**_KARRAS),
    "heun": Recipe("heun_discrete", "HeunDiscreteScheduler"),
    "lms": Recipe("lms_discrete", "LMSDiscreteScheduler"),
    "lms_karras": Recipe("lms_discrete", "LMSDiscreteScheduler", _KARRAS),
    "dpm2": Recipe("k_dpm_2_discrete", "KDPM2DiscreteScheduler"),
    "dpm2_karras": Recipe("k_dpm_2_discrete", "KDPM2DiscreteScheduler", _KARRAS),
    "dpm2_a": Recipe("k_dpm_2_ancestral_discrete", "KDPM2AncestralDiscreteScheduler"),
    "dpmpp_2s": _singlestep(),
    "dpmpp_2m": _multistep(),
    "dpmpp_2m_karras": _multistep(**_KARRAS),
    "dpmpp_2m_sde": _multistep(**_SDE),
    "dpmpp_2m_sde_karras": _multistep(**_SDE, **_KARRAS),
    "dpmpp_sde": _singlestep(**_SDE),
    "dpmpp_sde_karras": _singlestep(**_SDE, **_KARRAS),
    "ddim": Recipe("ddim", "DDIMScheduler"),
    "ddpm": Recipe("ddpm", "DDPMScheduler"),
    "plms": Recipe("pndm", "PNDMScheduler", {"skip_prk_steps": True}),
    "deis": Recipe("deis_multistep", "DEISMultistepScheduler", {"algorithm_type": "deis"}),
    "unipc": Recipe("unipc_multistep", "UniPCMultistepScheduler"),
    "unipc_karras": Recipe("unipc_multistep", "UniPCMultistepScheduler", _KARRAS),
    "lcm": Recipe("lcm", "LCMScheduler"),
    "tcd": Recipe("tcd", "TCDScheduler"),
}


def make_scheduler(sampler: str, config: Mapping[str, Any]) -> Any:
    """A fresh scheduler for a model's scheduler_config.json, as `from_config` would make it.

    Raises InvalidRequest for a sampler nobody knows.
    """
    if sampler not in RECIPES:
        raise unknown("sampler", sampler, SAMPLERS)
    if config.get("_class_name") in flow.CLASSES:
        return flow.make_scheduler(config)
    if config.get("_class_name") in trigflow.CLASSES:
        return trigflow.make_scheduler(config)
    recipe = RECIPES[sampler]
    scheduler_class = recipe.load()
    accepted = inspect.signature(scheduler_class.__init__).parameters
    wanted = {**config, **recipe.settings}
    if wanted.get("rescale_betas_zero_snr") and "rescale_betas_zero_snr" not in accepted:
        wanted["trained_betas"] = _zero_snr_betas(config)
    return scheduler_class(**{name: wanted[name] for name in wanted if name in accepted})


def _zero_snr_betas(config: Mapping[str, Any]) -> list[float]:
    """The schedule that the schedulers with the switch use, written out for those without it."""
    from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler

    names = ("num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "trained_betas")
    settings = {name: config[name] for name in names if name in config}
    reference: Any = cast(Any, EulerDiscreteScheduler)(**settings, rescale_betas_zero_snr=True)
    alphas = cast(torch.Tensor, reference.alphas_cumprod).double()
    alphas[-1] = _LAST_ALPHA
    ratio = alphas[1:] / alphas[:-1]
    return [float(1 - alphas[0]), *(float(1 - step) for step in ratio)]


def check_sampler(sampler: str, facts: ModelFacts) -> None:
    """Raises InvalidRequest when the model can't be used with this sampler."""
    if facts.samplers and sampler not in facts.samplers:
        names = [SAMPLERS[each] for each in facts.samplers]
        raise InvalidRequest(
            f"{SAMPLERS[sampler]} is not for the model {facts.name}.", f"Use {' or '.join(names)}."
        )


def skipped_steps(scheduler: Any, steps: int, strength: float) -> int:
    """Steps that a start picture saves, rounded as diffusers' pipelines of each kind do it."""
    if flow.is_flow(scheduler):
        return int(max(steps - steps * strength, 0))
    return steps - min(int(steps * strength), steps)


def steps_until(scheduler: Any, switch: float) -> int:
    """How many of its timesteps come before the share `switch` of the noise schedule is done.

    As diffusers' `denoising_end` counts them. A scheduler of second order makes two for a step: those are
    not parted (diffusers parts them, and makes that step twice).
    """
    total = int(scheduler.config.num_train_timesteps)
    last = round(total - switch * total)
    return scheduler.order * int((scheduler.timesteps[:: scheduler.order] >= last).sum())


def set_steps(scheduler: Any, sampler: str, steps: int) -> None:
    """Prepares the timesteps. Raises InvalidRequest when the sampler can't make that many."""
    try:
        scheduler.set_timesteps(steps, device="cpu")
    except ValueError as error:
        raise InvalidRequest(
            f"{SAMPLERS[sampler]} can't make {steps} steps with this model.",
            "Use fewer steps, or another sampler.",
        ) from error

"""Packed latents and FLUX.2's schedule, against what diffusers' pipeline does by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from diffusers.pipelines.flux2.pipeline_flux2_klein import Flux2KleinPipeline, compute_empirical_mu
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler

from backends.core.flow import make_scheduler
from backends.core.hires import enlarged_latents
from backends.core.latent_space import packed, unpacked


def test_places_are_packed_in_diffusers_order() -> None:
    latents = torch.randn(2, 5, 4, 6)
    assert torch.equal(packed(latents, 2), Flux2KleinPipeline._patchify_latents(latents))
    assert torch.equal(unpacked(packed(latents, 2), 2), latents)
    assert torch.equal(packed(latents, 1), latents)


def test_packed_places_are_enlarged_one_by_one() -> None:
    """A ramp stays a ramp: its four places are not enlarged apart from each other."""
    ramp = torch.arange(16.0).repeat(1, 1, 16, 1)
    larger = unpacked(enlarged_latents(packed(ramp, 2), (1, 4, 16, 16), 2), 2)
    steps = larger[0, 0, 0, 2:-2].diff()
    assert torch.allclose(steps, torch.full_like(steps, 0.5), atol=1e-5)


@pytest.mark.parametrize("steps", [1, 4, 50])
@pytest.mark.parametrize("side", [8, 64, 80])
def test_the_schedule_is_diffusers(side: int, steps: int) -> None:
    """80 x 80 places are more than the 4300 from which on the number of steps no longer counts."""
    config: dict[str, Any] = {"use_dynamic_shifting": True, "shift": 3.0}
    wanted = {**config, "latent_shape": (1, 128, side, side), "schedule": "by size and steps"}
    ours = make_scheduler(wanted)
    ours.set_timesteps(steps, "cpu")
    theirs: Any = FlowMatchEulerDiscreteScheduler(**config)
    mu = compute_empirical_mu(side * side, steps)
    theirs.set_timesteps(sigmas=np.linspace(1.0, 1 / steps, steps), mu=mu)
    assert torch.allclose(ours.sigmas, theirs.sigmas, atol=1e-6)

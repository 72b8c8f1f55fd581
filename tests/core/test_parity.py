"""Our pixels against diffusers' own pipelines: every sampler, both predictions, guided or not.

The reference scheduler is built here from diffusers' documented class and options, not through our
table. One kind of sampler differs on purpose: six diffusers classes have no switch for zero
terminal SNR, so `from_config` gives them a noise schedule that such a model was not trained on. We
give them the right one by `trained_betas`; for them the reference gets the same betas, computed here.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_img2img import (
    StableDiffusionImg2ImgPipeline,
)
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from PIL import Image

from backends.core import pipeline
from backends.core.contract import SAMPLERS, PictureReady, Request, Stages
from backends.core.model_folder import read_facts
from backends.core.quiet import quiet
from backends.core.registry import get_backend
from tests.families.reference import png_bytes, psnr, start_picture
from tests.tiny_models import EPSILON, V_ZERO_SNR, make_tiny_model

STARTER = Path(__file__).parents[2] / "desktop/resources/starter"
PROMPT, NEGATIVE, SEED, STEPS, STRENGTH = "a panda at the beach", "snow", 4711, 5, 0.6
MINIMUM_DB = 60.0

KARRAS = {"use_karras_sigmas": True}
SDE = {"algorithm_type": "sde-dpmsolver++"}
REFERENCE: dict[str, tuple[str, dict[str, Any]]] = {
    "euler": ("EulerDiscreteScheduler", {}),
    "euler_a": ("EulerAncestralDiscreteScheduler", {}),
    "euler_karras": ("EulerDiscreteScheduler", KARRAS),
    "heun": ("HeunDiscreteScheduler", {}),
    "lms": ("LMSDiscreteScheduler", {}),
    "lms_karras": ("LMSDiscreteScheduler", KARRAS),
    "dpm2": ("KDPM2DiscreteScheduler", {}),
    "dpm2_karras": ("KDPM2DiscreteScheduler", KARRAS),
    "dpm2_a": ("KDPM2AncestralDiscreteScheduler", {}),
    "dpmpp_2s": ("DPMSolverSinglestepScheduler", {"lower_order_final": True}),
    "dpmpp_2m": ("DPMSolverMultistepScheduler", {}),
    "dpmpp_2m_karras": ("DPMSolverMultistepScheduler", KARRAS),
    "dpmpp_2m_sde": ("DPMSolverMultistepScheduler", SDE),
    "dpmpp_2m_sde_karras": ("DPMSolverMultistepScheduler", SDE | KARRAS),
    "dpmpp_sde": ("DPMSolverSinglestepScheduler", SDE | {"lower_order_final": True}),
    "dpmpp_sde_karras": ("DPMSolverSinglestepScheduler", SDE | KARRAS | {"lower_order_final": True}),
    "ddim": ("DDIMScheduler", {}),
    "ddpm": ("DDPMScheduler", {}),
    "plms": ("PNDMScheduler", {"skip_prk_steps": True}),
    "deis": ("DEISMultistepScheduler", {"algorithm_type": "deis"}),
    "unipc": ("UniPCMultistepScheduler", {}),
    "unipc_karras": ("UniPCMultistepScheduler", KARRAS),
    "lcm": ("LCMScheduler", {}),
    "tcd": ("TCDScheduler", {}),
}
NO_ZERO_SNR_SWITCH = {
    "HeunDiscreteScheduler",
    "LMSDiscreteScheduler",
    "KDPM2DiscreteScheduler",
    "KDPM2AncestralDiscreteScheduler",
    "DPMSolverSinglestepScheduler",
    "PNDMScheduler",
    "DEISMultistepScheduler",
}


@dataclass
class Pair:
    """One model opened by us and by diffusers."""

    stages: Stages
    text: Any
    image: Any
    side: int


@pytest.fixture(scope="module", params=["epsilon", "v_zero_snr", "starter"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    quiet()
    folder = STARTER
    if request.param != "starter":
        settings = EPSILON if request.param == "epsilon" else V_ZERO_SNR
        folder = make_tiny_model(tmp_path_factory.mktemp("model") / "tiny", settings)
    text = StableDiffusionPipeline.from_pretrained(
        str(folder), torch_dtype=torch.float32, low_cpu_mem_usage=False
    )
    text.set_progress_bar_config(disable=True)
    image = StableDiffusionImg2ImgPipeline(**text.components, requires_safety_checker=False)
    image.set_progress_bar_config(disable=True)
    stages = get_backend("cpu_offload").open(folder, {})
    yield Pair(stages, text, image, read_facts(folder).defaults.width)
    stages.close()


def test_every_sampler_has_a_reference() -> None:
    assert set(REFERENCE) == set(SAMPLERS)


@pytest.mark.parametrize("guidance", [1.0, 4.0])
@pytest.mark.parametrize("sampler", list(SAMPLERS))
def test_text_to_image_matches_diffusers(pair: Pair, sampler: str, guidance: float) -> None:
    pair.text.scheduler = reference_scheduler(pair.text.scheduler, sampler)
    expected = pair.text(PROMPT, **reference_arguments(guidance), width=pair.side, height=pair.side)
    assert psnr(ours(pair, sampler, guidance, None), np.asarray(expected.images[0])) >= MINIMUM_DB


@pytest.mark.parametrize("guidance", [1.0, 4.0])
@pytest.mark.parametrize("sampler", list(SAMPLERS))
def test_image_to_image_matches_diffusers(pair: Pair, sampler: str, guidance: float) -> None:
    start = start_picture(pair.side)
    pair.image.scheduler = reference_scheduler(pair.image.scheduler, sampler)
    expected = pair.image(PROMPT, image=start, strength=STRENGTH, **reference_arguments(guidance))
    assert psnr(ours(pair, sampler, guidance, start), np.asarray(expected.images[0])) >= MINIMUM_DB


def reference_arguments(guidance: float) -> dict[str, Any]:
    generator = torch.Generator("cpu").manual_seed(SEED)
    return {
        "negative_prompt": NEGATIVE,
        "num_inference_steps": STEPS,
        "guidance_scale": guidance,
        "generator": generator,
    }


def reference_scheduler(current: Any, sampler: str) -> Any:
    name, options = REFERENCE[sampler]
    scheduler_class = getattr(importlib.import_module("diffusers"), name)
    # Remembered, because what one class does not know it hands on to the next in its configuration.
    original = getattr(current, "original_config", dict(current.config))
    if original.get("rescale_betas_zero_snr") and name in NO_ZERO_SNR_SWITCH:
        options = options | {"trained_betas": zero_snr_betas(original)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scheduler = scheduler_class.from_config(original, **options)
    scheduler.original_config = original
    return scheduler


def zero_snr_betas(config: dict[str, Any]) -> list[float]:
    """Betas of the rescaled schedule (Lin et al. 2023, algorithm 1) with the last alpha at 2^-24."""
    scheduler: Any = DDIMScheduler.from_config(config)
    alphas = scheduler.alphas_cumprod.double()
    alphas[-1] = 2.0**-24
    previous = torch.cat([torch.ones(1, dtype=torch.float64), alphas[:-1]])
    return (1 - alphas / previous).tolist()


def ours(pair: Pair, sampler: str, guidance: float, start: Image.Image | None) -> np.ndarray:
    request = Request(
        prompt=PROMPT,
        negative_prompt=NEGATIVE,
        width=pair.side,
        height=pair.side,
        steps=STEPS,
        guidance_scale=guidance,
        sampler=sampler,
        seed=SEED,
        init_image=png_bytes(start) if start else None,
        strength=STRENGTH,
    )
    events = list(pipeline.generate(request, pair.stages, previews=False))
    picture = next(event.picture for event in events if isinstance(event, PictureReady))
    return np.frombuffer(picture.rgb, np.uint8).reshape(picture.height, picture.width, 3)

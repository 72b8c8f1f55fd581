"""A refiner after a model of SDXL's: our pixels against diffusers' two pipelines, with random weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl import StableDiffusionXLPipeline
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl_img2img import (
    StableDiffusionXLImg2ImgPipeline,
)
from PIL import Image

from backends.core.contract import Hires, Refiner, Stages
from backends.core.quiet import quiet
from backends.core.registry import get_backend
from backends.core.relay import Relay
from tests.families.reference import MINIMUM_DB, arguments, make, psnr, scheduler_for, start_picture
from tests.tiny_models import EPSILON, make_tiny_refiner, make_tiny_sdxl

SIZE, STEPS = (96, 64), 10


@dataclass(frozen=True)
class Pair:
    """Both models here, and both of diffusers' pipelines."""

    stages: Stages
    relay: Relay
    base: Any
    refiner: Any


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    quiet()
    place = tmp_path_factory.mktemp("models")
    return make_tiny_sdxl(place / "base", EPSILON), make_tiny_refiner(place / "refiner", EPSILON)


@pytest.fixture(scope="module")
def pair(folders: tuple[Path, Path]) -> Iterator[Pair]:
    backend, (base, refiner) = get_backend("cpu_offload"), folders
    stages, relay = backend.open(base, {}), Relay(backend, refiner, {})
    first: Any = StableDiffusionXLPipeline.from_pretrained(str(base), low_cpu_mem_usage=False)
    second: Any = StableDiffusionXLImg2ImgPipeline.from_pretrained(str(refiner), low_cpu_mem_usage=False)
    for pipe in (first, second):
        pipe.set_progress_bar_config(disable=True)
    yield Pair(stages, relay, first, second)
    relay.close()
    stages.close()


def theirs(pair: Pair, sampler: str, guidance: float, switch: float, **wanted: Any) -> np.ndarray:
    """The base up to `switch` as latents, then the refiner from there, with one generator."""
    for pipe in (pair.base, pair.refiner):
        scheduler_for(pipe, sampler)
    settings = arguments(guidance, STEPS)
    first: Any = wanted.pop("first", pair.base)
    size = {} if "image" in wanted else {"width": SIZE[0], "height": SIZE[1]}
    told = settings | size | wanted | {"denoising_end": switch, "output_type": "latent"}
    latents = first("a panda at the beach", **told).images
    made = pair.refiner("a panda at the beach", image=latents, denoising_start=switch, **settings)
    return np.asarray(made.images[0])


def ours(pair: Pair, sampler: str, guidance: float, switch: float, **wanted: Any) -> np.ndarray:
    refiner = Refiner(model="refiner", switch=switch)
    told = {"sampler": sampler, "guidance_scale": guidance, "steps": STEPS, "refiner": refiner}
    return make(pair.stages, wanted.pop("size", SIZE), relay=pair.relay, **(told | wanted))


ONCE = ["euler_a", "dpmpp_2m", "dpmpp_2m_sde_karras", "unipc", "deis", "lms", "plms", "dpmpp_2s"]
CASES = [
    *(
        (sampler, *case)
        for sampler in ("euler", "dpmpp_2m_karras", "ddim")
        for case in ((1.0, 0.8), (4.0, 0.5))
    ),
    *((sampler, 4.0, 0.8) for sampler in ONCE),
]


@pytest.mark.parametrize(("sampler", "guidance", "switch"), CASES)
def test_it_takes_over(pair: Pair, sampler: str, guidance: float, switch: float) -> None:
    """Samplers that look back begin anew with the refiner, here as there."""
    expected = theirs(pair, sampler, guidance, switch)
    assert psnr(ours(pair, sampler, guidance, switch), expected) >= MINIMUM_DB


@pytest.mark.parametrize("sampler", ["euler", "dpmpp_2m_sde_karras"])
def test_after_a_start_picture(pair: Pair, sampler: str) -> None:
    image: Any = StableDiffusionXLImg2ImgPipeline(**pair.base.components)
    image.set_progress_bar_config(disable=True)
    scheduler_for(image, sampler)
    start = start_picture(64)
    expected = theirs(pair, sampler, 4.0, 0.7, first=image, image=start, strength=0.6)
    made = ours(pair, sampler, 4.0, 0.7, size=(64, 64), start=start, strength=0.6)
    assert psnr(made, expected) >= MINIMUM_DB


@pytest.mark.parametrize("sampler", ["heun", "dpm2", "euler", "ddim"])
def test_a_model_that_follows_itself_changes_nothing(
    pair: Pair, folders: tuple[Path, Path], sampler: str
) -> None:
    """Also of second order, where diffusers makes the step twice at which the refiner takes over."""
    again = Relay(get_backend("cpu_offload"), folders[0], {})
    handed = make(pair.stages, SIZE, relay=again, sampler=sampler, refiner=Refiner(model="base", switch=0.5))
    again.close()
    assert psnr(handed, make(pair.stages, SIZE, sampler=sampler)) == 99


def test_with_the_hires_fix_it_ends_the_second_pass(pair: Pair) -> None:
    """As by hand: the first pass by the base alone, and an image-to-image run that the refiner ends."""
    enlarged = Hires(width=96, height=96, steps=6, strength=0.6, by="lanczos")
    made = ours(pair, "euler", 4.0, 0.7, size=(64, 64), hires=enlarged)
    first = Image.fromarray(make(pair.stages, (64, 64), steps=STEPS, sampler="euler"))
    larger = first.resize((96, 96), Image.Resampling.LANCZOS)
    by_hand = ours(pair, "euler", 4.0, 0.7, size=(96, 96), start=larger, strength=0.6)
    assert made.shape == (96, 96, 3)
    assert psnr(made, by_hand) >= MINIMUM_DB

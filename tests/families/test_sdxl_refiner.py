"""SDXL's refiner by itself: our pixels against diffusers' own pipeline, with small random weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl_img2img import (
    StableDiffusionXLImg2ImgPipeline,
)

from backends.core import pipeline
from backends.core.contract import Notice, Request, Stages
from backends.core.cuda_driver import Card
from backends.core.cuda_settings import choose_settings, predicted_peak
from backends.core.fit import Needs, predict
from backends.core.model_folder import open_folder, read_facts
from backends.core.quiet import quiet
from backends.core.registry import all_backends, get_backend
from tests.families.reference import (
    MINIMUM_DB,
    SEED,
    arguments,
    make,
    png_bytes,
    psnr,
    scheduler_for,
    start_picture,
)
from tests.tiny_models import EPSILON, make_tiny_refiner, make_tiny_sdxl

SIZE = (96, 64)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    quiet()
    return make_tiny_refiner(tmp_path_factory.mktemp("model") / "tiny-refiner", EPSILON)


@pytest.fixture(scope="module")
def stages(folder: Path) -> Iterator[Stages]:
    opened = get_backend("cpu_offload").open(folder, {})
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def reference(folder: Path) -> Any:
    pipe: Any = StableDiffusionXLImg2ImgPipeline.from_pretrained(str(folder), low_cpu_mem_usage=False)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.mark.parametrize(("guidance", "negative"), [(1.0, "snow"), (4.0, "snow"), (4.0, "")])
@pytest.mark.parametrize("sampler", ["euler", "dpmpp_2m_sde_karras"])
def test_image_to_image(stages: Stages, reference: Any, sampler: str, guidance: float, negative: str) -> None:
    """An empty negative prompt is read, and not zeros, as the published model_index.json says."""
    scheduler_for(reference, sampler)
    start, settings = start_picture(64), arguments(guidance) | {"negative_prompt": negative or None}
    expected = reference("a panda at the beach", image=start, strength=0.6, **settings)
    wanted = {"sampler": sampler, "guidance_scale": guidance, "negative_prompt": negative}
    ours = make(stages, (64, 64), start=start, strength=0.6, **wanted)
    assert psnr(ours, np.asarray(expected.images[0])) >= MINIMUM_DB


@pytest.mark.parametrize("sampler", ["euler", "dpmpp_2m_karras"])
def test_from_noise(stages: Stages, reference: Any, sampler: str) -> None:
    """diffusers makes it where it is given the noise as latents, and every step is made."""
    scheduler_for(reference, sampler)
    noise = torch.randn((1, 4, 8, 12), generator=torch.Generator("cpu").manual_seed(SEED))
    settings = arguments(4.0)
    reference.scheduler.set_timesteps(settings["num_inference_steps"])
    latents = noise * reference.scheduler.init_noise_sigma
    expected = reference(
        "a panda at the beach", image=start_picture(64), latents=latents, strength=1.0, **settings
    )
    ours = make(stages, SIZE, sampler=sampler)
    assert psnr(ours, np.asarray(expected.images[0])) >= MINIMUM_DB


def test_from_noise_it_says_what_it_is_made_for(stages: Stages) -> None:
    settings: dict[str, Any] = {"width": 64, "height": 64, "steps": 2, "guidance_scale": 1.0}
    request = Request(prompt="a fox", sampler="euler", seed=1, **settings)
    said = [each.message for each in pipeline.generate(request, stages) if isinstance(each, Notice)]
    assert any("is a refiner" in sentence for sentence in said)
    started = Request(
        prompt="a fox", sampler="euler", seed=1, init_image=png_bytes(start_picture(64)), **settings
    )
    said = [each.message for each in pipeline.generate(started, stages) if isinstance(each, Notice)]
    assert not any("refiner" in sentence for sentence in said)


def test_what_the_model_is(folder: Path) -> None:
    facts = read_facts(folder)
    assert (facts.family, facts.refines, facts.zero_negative) == ("sdxl_refiner", ("sdxl",), False)
    assert open_folder(folder).networks == ("text_encoder_2", "unet", "vae")


def test_it_is_not_taken_for_sdxl(tmp_path: Path, folder: Path) -> None:
    other = read_facts(make_tiny_sdxl(tmp_path / "base", EPSILON))
    assert (other.family, other.refines) == ("sdxl", ())
    assert other.latent_shape(64, 64) == read_facts(folder).latent_shape(64, 64)


def test_whether_it_fits_is_known(folder: Path) -> None:
    """For the processor and for a card."""
    model, card = open_folder(folder), Card("a card", (7, 5), 4 * 2**30)
    footprint = get_backend("cpu_offload").footprint  # type: ignore[attr-defined]
    fit = predict(model, footprint, SIZE, free=8 * 2**30)
    assert set(fit.stages) == {"text_encoder_2", "unet", "vae"}
    files = [path for part in model.networks for path in model.weight_files(part)]
    assert fit.weights == pytest.approx(sum(path.stat().st_size for path in files), rel=0.05)
    settings = choose_settings(model, card, 2**31)
    assert predicted_peak(Needs(model, settings.footprint), settings, SIZE) < 2**31


def test_every_torch_backend_says_that_it_reads_it() -> None:
    reads = {each.capabilities.id for each in all_backends() if "sdxl_refiner" in each.capabilities.families}
    assert {"cpu_offload", "cuda_int8", "mps"} <= reads


def test_a_budget_changes_nothing(folder: Path, stages: Stages) -> None:
    """With weights that stream the picture is the same, bit for bit."""
    streaming = get_backend("cpu_offload").open(folder, {"memory": "1GB"})
    assert np.array_equal(make(streaming, SIZE), make(stages, SIZE))
    streaming.close()

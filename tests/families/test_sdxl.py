"""SDXL: our pixels against diffusers' own pipelines, with small random weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl import StableDiffusionXLPipeline
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl_img2img import (
    StableDiffusionXLImg2ImgPipeline,
)

from backends.core import pipeline
from backends.core.contract import Request, Stages, StepSeen, WordsAttended
from backends.core.cuda_driver import Card
from backends.core.cuda_settings import choose_settings, predicted_peak
from backends.core.fit import Needs, predict
from backends.core.model_folder import open_folder, read_facts
from backends.core.quiet import quiet
from backends.core.registry import all_backends, get_backend
from tests.families.reference import MINIMUM_DB, arguments, make, psnr, scheduler_for, start_picture
from tests.tiny_models import EPSILON, V_ZERO_SNR, make_tiny_sdxl

SIZE = (96, 64)


@pytest.fixture(scope="module", params=["epsilon", "v_zero_snr"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    quiet()
    settings = EPSILON if request.param == "epsilon" else V_ZERO_SNR
    return make_tiny_sdxl(tmp_path_factory.mktemp("model") / "tiny-sdxl", settings)


@pytest.fixture(scope="module")
def stages(folder: Path) -> Iterator[Stages]:
    opened = get_backend("cpu_offload").open(folder, {})
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def reference(folder: Path) -> Any:
    pipe: Any = StableDiffusionXLPipeline.from_pretrained(str(folder), low_cpu_mem_usage=False)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.mark.parametrize(("guidance", "negative"), [(1.0, "snow"), (4.0, "snow"), (4.0, "")])
@pytest.mark.parametrize("sampler", ["euler", "dpmpp_2m_karras"])
def test_text_to_image(stages: Stages, reference: Any, sampler: str, guidance: float, negative: str) -> None:
    scheduler_for(reference, sampler)
    settings = arguments(guidance) | {"negative_prompt": negative or None}
    expected = reference("a panda at the beach", width=SIZE[0], height=SIZE[1], **settings)
    ours = make(stages, SIZE, sampler=sampler, guidance_scale=guidance, negative_prompt=negative)
    assert psnr(ours, np.asarray(expected.images[0])) >= MINIMUM_DB


@pytest.mark.parametrize(("sampler", "guidance"), [("euler", 1.0), ("dpmpp_2m_sde_karras", 4.0)])
def test_image_to_image(stages: Stages, reference: Any, sampler: str, guidance: float) -> None:
    scheduler_for(reference, sampler)
    image: Any = StableDiffusionXLImg2ImgPipeline(**reference.components)
    image.set_progress_bar_config(disable=True)
    start = start_picture(64)
    expected = image("a panda at the beach", image=start, strength=0.6, **arguments(guidance))
    ours = make(stages, (64, 64), start=start, strength=0.6, sampler=sampler, guidance_scale=guidance)
    assert psnr(ours, np.asarray(expected.images[0])) >= MINIMUM_DB


def test_what_the_model_is(folder: Path) -> None:
    facts = read_facts(folder)
    assert (facts.family, facts.defaults.width, facts.zero_negative, facts.half_vae) == (
        "sdxl",
        64,
        True,
        False,
    )
    assert open_folder(folder).networks == ("text_encoder", "text_encoder_2", "unet", "vae")


def test_whether_it_fits_is_known(folder: Path) -> None:
    """Both encoders are counted, for the processor and for a card."""
    model, card = open_folder(folder), Card("a card", (7, 5), 4 * 2**30)
    footprint = get_backend("cpu_offload").footprint  # type: ignore[attr-defined]
    fit = predict(model, footprint, SIZE, free=8 * 2**30)
    assert set(fit.stages) == {"text_encoder", "text_encoder_2", "unet", "vae"}
    files = [path for part in model.networks for path in model.weight_files(part)]
    assert fit.weights == pytest.approx(sum(path.stat().st_size for path in files), rel=0.05)
    settings = choose_settings(model, card, 2**31)
    assert settings.vae_dtype == torch.float32  # an SDXL VAE overflows float16
    assert predicted_peak(Needs(model, settings.footprint), settings, SIZE) < 2**31


def test_it_can_be_looked_into(stages: Stages) -> None:
    settings: dict[str, Any] = {"width": 64, "height": 64, "steps": 2, "guidance_scale": 4.0}
    request = Request(prompt="a fox", sampler="euler", seed=1, **settings)
    events = list(pipeline.generate(request, stages, inside=True))
    assert any(isinstance(event, StepSeen) for event in events)
    (words,) = [event for event in events if isinstance(event, WordsAttended)]
    assert len(words.maps) == 4  # a, f, o, x


def test_every_torch_backend_says_that_it_reads_it() -> None:
    reads = {each.capabilities.id for each in all_backends() if "sdxl" in each.capabilities.families}
    assert {"cpu_offload", "cuda_int8", "mps"} <= reads


def test_a_budget_changes_nothing(folder: Path, stages: Stages) -> None:
    """With weights that stream, the two encoders too, the picture is the same, bit for bit."""
    streaming = get_backend("cpu_offload").open(folder, {"memory": "1GB"})
    assert np.array_equal(make(streaming, SIZE), make(stages, SIZE))
    streaming.close()

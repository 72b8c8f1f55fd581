"""SD 3 and 3.5: our pixels against diffusers' own pipelines, with small random weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diffusers.pipelines.stable_diffusion_3.pipeline_stable_diffusion_3 import StableDiffusion3Pipeline
from diffusers.pipelines.stable_diffusion_3.pipeline_stable_diffusion_3_img2img import (
    StableDiffusion3Img2ImgPipeline,
)

from backends.core.contract import InvalidRequest, Stages
from backends.core.fit import predict
from backends.core.model_folder import open_folder
from backends.core.quiet import quiet
from backends.core.registry import get_backend
from convert.import_model import Wish, import_model
from tests.families.reference import MINIMUM_DB, arguments, make, psnr, start_picture
from tests.tiny_transformers import make_tiny_sd3

SIZE = (96, 64)


@pytest.fixture(scope="module", params=["with T5", "without T5"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    quiet()
    return make_tiny_sd3(tmp_path_factory.mktemp("model") / "tiny-sd3", t5=request.param == "with T5")


@pytest.fixture(scope="module")
def stages(folder: Path) -> Iterator[Stages]:
    opened = get_backend("cpu_offload").open(folder, {})
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def reference(folder: Path) -> Any:
    absent: dict[str, Any] = {"text_encoder_3": None, "tokenizer_3": None}
    settings = {} if (folder / "text_encoder_3").exists() else absent
    pipe: Any = StableDiffusion3Pipeline.from_pretrained(str(folder), low_cpu_mem_usage=False, **settings)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.mark.parametrize("guidance", [1.0, 4.5])
def test_text_to_image(stages: Stages, reference: Any, guidance: float) -> None:
    expected = reference("a panda at the beach", width=SIZE[0], height=SIZE[1], **arguments(guidance))
    ours = make(stages, SIZE, guidance_scale=guidance)
    assert psnr(ours, np.asarray(expected.images[0])) >= MINIMUM_DB


@pytest.mark.parametrize("strength", [0.6, 1.0])
def test_image_to_image(stages: Stages, reference: Any, strength: float) -> None:
    image: Any = StableDiffusion3Img2ImgPipeline(**reference.components)
    image.set_progress_bar_config(disable=True)
    start = start_picture(64)
    settings = {"width": 64, "height": 64, **arguments(4.5)}
    expected = image("a panda at the beach", image=start, strength=strength, **settings)
    ours = make(stages, (64, 64), start=start, strength=strength, guidance_scale=4.5)
    assert psnr(ours, np.asarray(expected.images[0])) >= MINIMUM_DB


def test_a_budget_changes_nothing(folder: Path, stages: Stages) -> None:
    """With weights that stream, T5's too, the picture is the same, bit for bit."""
    streaming = get_backend("cpu_offload").open(folder, {"memory": "1GB"})
    assert np.array_equal(make(streaming, SIZE), make(stages, SIZE))
    streaming.close()


def test_other_samplers_and_odd_sizes_are_refused(stages: Stages) -> None:
    with pytest.raises(InvalidRequest, match=r"DPM\+\+ 2M is not for") as samplers:
        make(stages, SIZE, sampler="dpmpp_2m")
    assert samplers.value.action == "Use Euler."
    with pytest.raises(InvalidRequest, match="multiples of 16, and 72 x 64 is not"):
        make(stages, (72, 64))


def test_a_folder_is_imported_with_all_its_parts(folder: Path, tmp_path: Path) -> None:
    imported = import_model(Wish(source=folder, models=tmp_path))
    model = open_folder(imported)
    model.check_files()
    assert model.facts.family == "sd3"
    assert model.networks == open_folder(folder).networks
    assert all((imported / part / "tokenizer_config.json").exists() for part in model.tokenizers)


def test_whether_it_fits_is_known(folder: Path) -> None:
    model = open_folder(folder)
    footprint = get_backend("cpu_offload").footprint  # type: ignore[attr-defined]
    fit = predict(model, footprint, SIZE, free=8 * 2**30)
    files = [path for part in model.networks for path in model.weight_files(part)]
    assert fit.weights == pytest.approx(sum(path.stat().st_size for path in files), rel=0.1)
    assert fit.stages["transformer"] > fit.stages["text_encoder"]

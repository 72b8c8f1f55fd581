"""Z-Image: our pixels against diffusers' own pipelines, with small random weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.pipelines.z_image.pipeline_z_image import ZImagePipeline
from diffusers.pipelines.z_image.pipeline_z_image_img2img import ZImageImg2ImgPipeline

from backends import cpu_offload, mps
from backends.core.contract import InvalidRequest, Stages
from backends.core.cuda_driver import Card
from backends.core.cuda_settings import choose_settings
from backends.core.fit import Needs, plain_footprint, predict
from backends.core.model_folder import open_folder
from backends.core.mps_quirks import Remedy
from backends.core.quiet import quiet
from backends.core.registry import get_backend
from convert.import_model import Wish, import_model
from tests.families.reference import MINIMUM_DB, arguments, make, psnr, start_picture
from tests.tiny_transformers import BY_SIZE
from tests.tiny_zimage import BASE, TURBO, make_tiny_zimage

SIZE = (96, 64)
SCHEDULERS = {"turbo": TURBO, "base": BASE, "by size": {**BY_SIZE, "shift": 6.0}}


@pytest.fixture(scope="module", params=SCHEDULERS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    quiet()
    path = tmp_path_factory.mktemp("model") / "tiny-zimage"
    return make_tiny_zimage(path, scheduler=SCHEDULERS[request.param])


@pytest.fixture(scope="module")
def turbo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    quiet()
    return make_tiny_zimage(tmp_path_factory.mktemp("model") / "tiny-turbo")


@pytest.fixture(scope="module")
def turbo_stages(turbo: Path) -> Iterator[Stages]:
    opened = get_backend("cpu_offload").open(turbo, {})
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def stages(folder: Path) -> Iterator[Stages]:
    opened = get_backend("cpu_offload").open(folder, {})
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def reference(folder: Path) -> Any:
    pipe: Any = ZImagePipeline.from_pretrained(str(folder), low_cpu_mem_usage=False)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def theirs(stages: Stages, guidance: float) -> dict[str, Any]:
    """diffusers counts this family's guidance from 0."""
    return arguments(guidance - 1 if stages.facts.takes_guidance else 0.0)


@pytest.mark.parametrize("prompt", ["a panda at the beach", "a panda, " * 60, ""])
@pytest.mark.parametrize("guidance", [1.0, 4.5])
def test_text_to_image(stages: Stages, reference: Any, guidance: float, prompt: str) -> None:
    """Prompts of one, of several and of too many times the 32 tokens that the network counts in."""
    expected = reference(prompt, width=SIZE[0], height=SIZE[1], **theirs(stages, guidance))
    ours = make(stages, SIZE, guidance_scale=guidance, prompt=prompt)
    assert psnr(ours, np.asarray(expected.images[0])) >= MINIMUM_DB


@pytest.mark.parametrize("strength", [0.6, 1.0])
def test_image_to_image(stages: Stages, reference: Any, strength: float) -> None:
    image: Any = ZImageImg2ImgPipeline(**reference.components)
    image.set_progress_bar_config(disable=True)
    start = start_picture(64)
    settings = {"width": 64, "height": 64, **theirs(stages, 4.5)}
    expected = image("a panda at the beach", image=start, strength=strength, **settings)
    ours = make(stages, (64, 64), start=start, strength=strength, guidance_scale=4.5)
    assert psnr(ours, np.asarray(expected.images[0])) >= MINIMUM_DB


def test_text_and_guidance_matter(stages: Stages) -> None:
    plain = make(stages, SIZE)
    assert not np.array_equal(plain, make(stages, SIZE, prompt="a horse"))
    guided = stages.facts.takes_guidance
    assert np.array_equal(plain, make(stages, SIZE, negative_prompt="rain")) is not guided
    assert np.array_equal(plain, make(stages, SIZE, guidance_scale=9.0)) is not guided


def test_what_is_read_and_what_is_cut(turbo_stages: Stages) -> None:
    whole = turbo_stages.encode_text("a (dog:1.2)", 0)
    assert (whole.tokens, whole.cut) == (("a", " ", "d", "o", "g"), ())
    around = len("user\nassistant\n") + 4
    assert whole.tensors["encoder_hidden_states"].shape[:2] == (1, around + len(whole.tokens))
    long = turbo_stages.encode_text("x" * 600, 0)
    assert len(long.tokens) + len(long.cut) == 600
    assert long.tensors["encoder_hidden_states"].shape[1] == 512


def test_a_budget_changes_nothing(turbo: Path, turbo_stages: Stages) -> None:
    """With weights that stream, the language model's too, the picture is the same, bit for bit."""
    streaming = get_backend("cpu_offload").open(turbo, {"memory": "1GB"})
    assert np.array_equal(make(streaming, SIZE), make(turbo_stages, SIZE))
    streaming.close()


def test_other_samplers_and_odd_sizes_are_refused(turbo_stages: Stages) -> None:
    with pytest.raises(InvalidRequest, match=r"DPM\+\+ 2M is not for"):
        make(turbo_stages, SIZE, sampler="dpmpp_2m")
    with pytest.raises(InvalidRequest, match="multiples of 16, and 72 x 64 is not"):
        make(turbo_stages, (72, 64))


def test_a_folder_is_imported_with_all_its_parts(turbo: Path, turbo_stages: Stages, tmp_path: Path) -> None:
    imported = import_model(Wish(source=turbo, models=tmp_path))
    model = open_folder(imported)
    model.check_files()
    assert (model.facts.family, model.facts.defaults.steps) == ("zimage", 8)
    assert not model.facts.takes_guidance
    assert model.networks == ("text_encoder", "transformer", "vae")
    opened = get_backend("cpu_offload").open(imported, {})
    assert np.array_equal(make(opened, SIZE), make(turbo_stages, SIZE))
    opened.close()


def test_the_base_model_is_guided_and_takes_its_time(tmp_path: Path) -> None:
    defaults = open_folder(make_tiny_zimage(tmp_path, scheduler=BASE)).facts.defaults
    assert (defaults.steps, defaults.guidance_scale) == (50, 5.0)


def test_one_that_looks_at_pictures_is_no_such_model(turbo: Path, tmp_path: Path) -> None:
    other = open_folder(import_model(Wish(source=turbo, models=tmp_path)))
    looking = {**other.configs, "transformer": {**other.configs["transformer"], "siglip_feat_dim": 8}}
    assert other.family.matches(other.index, other.configs)
    assert not other.family.matches(other.index, looking)


def test_language_models_compute_in_bfloat16(turbo: Path) -> None:
    """They overflow float16; and in float32 they are twice as large as a Mac needs them to be."""
    folder, bf16 = open_folder(turbo), torch.bfloat16
    ampere, volta = (Card("a card", capability, 8 * 10**9) for capability in ((8, 6), (7, 0)))
    on_mac = mps.placement(folder, torch.device("cpu"), frozenset(Remedy))
    streamed = cpu_offload._on_card(None, turbo)
    assert (on_mac.text_dtype, on_mac.unet_dtype) == (bf16, bf16)
    assert (streamed.text_dtype, streamed.unet_dtype) == (bf16, bf16)
    assert choose_settings(folder, ampere, 8 * 10**9).text_dtype == bf16
    assert choose_settings(folder, volta, 8 * 10**9).text_dtype == torch.float32
    plain = Needs(folder, plain_footprint(4, 4)).weights("text_encoder")
    assert Needs(folder, mps.BACKEND.footprint).weights("text_encoder") == plain // 2


def test_whether_it_fits_is_known(turbo: Path) -> None:
    model = open_folder(turbo)
    footprint = get_backend("cpu_offload").footprint  # type: ignore[attr-defined]
    fit = predict(model, footprint, SIZE, free=8 * 2**30, batch=1)
    files = [path for part in model.networks for path in model.weight_files(part)]
    assert fit.weights == pytest.approx(sum(path.stat().st_size for path in files), rel=0.1)
    assert fit.stages["vae"] > fit.stages["text_encoder"]

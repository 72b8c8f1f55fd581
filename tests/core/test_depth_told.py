"""Models that are told depth: our pixels against StableDiffusionDepth2ImgPipeline's, and whose depth."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_depth2img import (
    StableDiffusionDepth2ImgPipeline,
)
from PIL import Image
from transformers import DPTForDepthEstimation

from backends.core import depth, own_depth, pipeline
from backends.core.contract import (
    ROUGH_DEPTH,
    START_DEPTH,
    BrokenModel,
    Control,
    InvalidRequest,
    PictureReady,
    Request,
    Stages,
)
from backends.core.fit import FITS, Needs, plain_footprint, predict
from backends.core.inpaint import start_pixels
from backends.core.model_folder import open_folder, read_facts, sha256
from backends.core.quiet import quiet
from backends.core.registry import get_backend
from backends.core.rough_depth import rough_depth
from tests.core.test_controlnet import make_controlnet
from tests.core.test_depth import dpt
from tests.families.reference import (
    MINIMUM_DB,
    SEED,
    STEPS,
    arguments,
    make,
    png_bytes,
    psnr,
    scheduler_for,
    start_picture,
)
from tests.tiny_depth import make_tiny_depth
from tests.tiny_models import EPSILON, V_ZERO_SNR

SIDE = 64
START = start_picture(SIDE)
MAP = Image.fromarray(np.tile(np.linspace(0, 255, SIDE, dtype=np.uint8)[:, None], (1, SIDE)))


@dataclass
class Pair:
    """One model opened by us and by diffusers."""

    folder: Path
    stages: Stages
    pipe: Any


@pytest.fixture(scope="module", params=["epsilon", "v"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    quiet()
    schedule = EPSILON if request.param == "epsilon" else V_ZERO_SNR
    folder = make_tiny_depth(tmp_path_factory.mktemp("model") / "tiny", schedule)
    pipe: Any = StableDiffusionDepth2ImgPipeline.from_pretrained(str(folder), low_cpu_mem_usage=False)
    pipe.set_progress_bar_config(disable=True)
    stages = get_backend("cpu_offload").open(folder, {})
    yield Pair(folder, stages, pipe)
    stages.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    quiet()
    return make_tiny_depth(tmp_path_factory.mktemp("plain") / "tiny", EPSILON)


@pytest.fixture(scope="module")
def stages(folder: Path) -> Iterator[Stages]:
    opened = get_backend("cpu_offload").open(folder, {})
    yield opened
    opened.close()


@pytest.mark.parametrize("strength", [1.0, 0.6])
@pytest.mark.parametrize(
    ("sampler", "guidance"), [("euler", 4.0), ("euler_a", 1.0), ("dpmpp_2m_karras", 4.0), ("ddim", 4.0)]
)
def test_as_diffusers_makes_it(pair: Pair, sampler: str, guidance: float, strength: float) -> None:
    scheduler_for(pair.pipe, sampler)
    wanted = arguments(guidance) | {"strength": strength}
    expected = np.asarray(pair.pipe("a panda at the beach", image=START, **wanted).images[0])
    ours = make(
        pair.stages, (SIDE, SIDE), start=START, sampler=sampler, guidance_scale=guidance, strength=strength
    )
    assert psnr(ours, expected) >= MINIMUM_DB


def test_a_depth_map_as_diffusers_takes_it(pair: Pair) -> None:
    scheduler_for(pair.pipe, "ddim")
    near = torch.asarray(np.asarray(MAP, np.float32))[None]
    wanted = arguments(4.0) | {"strength": 0.6}
    found = pair.pipe("a panda at the beach", image=START, depth_map=near, **wanted)
    ours = make(
        pair.stages, (SIDE, SIDE), start=START, sampler="ddim", strength=0.6, depth_map=png_bytes(MAP)
    )
    assert psnr(ours, np.asarray(found.images[0])) >= MINIMUM_DB
    assert psnr(ours, make(pair.stages, (SIDE, SIDE), start=START, sampler="ddim", strength=0.6)) < 50


def test_depth_decides_the_picture(stages: Stages) -> None:
    turned = png_bytes(MAP.transpose(Image.Transpose.FLIP_TOP_BOTTOM))
    ours, other = (make(stages, (SIDE, SIDE), depth_map=data) for data in (png_bytes(MAP), turned))
    assert psnr(ours, other) < 40


def test_a_map_alone_starts_from_noise(stages: Stages, folder: Path) -> None:
    """The UNet itself is asked, step by step, with the map behind its latents."""
    ours = make(stages, (SIDE, SIDE), depth_map=png_bytes(MAP), guidance_scale=1.0)
    pipe: Any = StableDiffusionDepth2ImgPipeline.from_pretrained(str(folder), low_cpu_mem_usage=False)
    scheduler_for(pipe, "euler")
    pipe.scheduler.set_timesteps(STEPS)
    near = torch.nn.functional.interpolate(
        torch.asarray(np.asarray(MAP, np.float32))[None, None], size=(8, 8), mode="bicubic"
    )
    near = 2 * (near - near.min()) / (near.max() - near.min()) - 1
    words = pipe.encode_prompt("a panda at the beach", "cpu", 1, False)[0]
    latents = torch.randn((1, 4, 8, 8), generator=torch.Generator("cpu").manual_seed(SEED))
    latents = latents * pipe.scheduler.init_noise_sigma
    with torch.no_grad():
        for step in pipe.scheduler.timesteps:
            given = torch.cat([pipe.scheduler.scale_model_input(latents, step), near], dim=1)
            said = pipe.unet(given, step, encoder_hidden_states=words).sample
            latents = pipe.scheduler.step(said, step, latents).prev_sample
        image = pipe.vae.decode(latents / pipe.vae.config.scaling_factor).sample
    expected = pipe.image_processor.postprocess(image, output_type="np")[0] * 255
    assert psnr(ours, expected.round().astype(np.uint8)) >= MINIMUM_DB


def test_the_hi_res_fix_keeps_the_depth(stages: Stages) -> None:
    from backends.core.contract import Hires

    hires = Hires(width=96, height=96, steps=2, strength=0.6, by="lanczos")
    ours = make(stages, (SIDE, SIDE), depth_map=png_bytes(MAP), hires=hires)
    assert ours.shape == (96, 96, 3)


def test_a_masked_picture_stays_outside_the_mask(stages: Stages) -> None:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[8:48, 16:40] = 255
    ours = make(stages, (SIDE, SIDE), start=START, strength=0.8, mask=png_bytes(Image.fromarray(mask)))
    assert (ours[mask == 0] == np.asarray(START)[mask == 0]).all()
    assert (ours != np.asarray(START)).any(axis=-1)[mask > 0].mean() > 0.9


def test_an_extended_picture_keeps_its_own(stages: Stages) -> None:
    ours = make(stages, (96, SIDE), start=START, strength=1.0, extend=(0, 0, 32, 0))
    assert (ours[:, :SIDE] == np.asarray(START)).all()


def test_a_controlnet_guides_it_too(stages: Stages, folder: Path, tmp_path: Path) -> None:
    """It reads the latents alone, as beside any other UNet."""
    unet = UNet2DConditionModel.from_pretrained(str(folder / "unet"), low_cpu_mem_usage=False)
    unet.register_to_config(in_channels=4)
    make_controlnet(tmp_path / "controlnets" / "edges", unet, 1)
    control = Control(model="edges", image=png_bytes(START))
    plain, guided = (
        make(stages, (SIDE, SIDE), start=START, search=(tmp_path,), controls=controls)
        for controls in ((), (control,))
    )
    assert psnr(plain, guided) < 45


def test_what_happens_inside_changes_nothing(stages: Stages) -> None:
    events = list(pipeline.generate(asked(), stages, inside=True))
    (made,) = (event for event in events if isinstance(event, PictureReady))
    (plain,) = (e for e in pipeline.generate(asked(), stages, previews=False) if isinstance(e, PictureReady))
    assert made.picture == plain.picture


def asked(**wanted: Any) -> Request:
    plain: dict[str, Any] = {"guidance_scale": 1.0, "sampler": "euler", "seed": 1, "steps": 1}
    started = {"init_image": png_bytes(START), "strength": 1.0}
    return Request(prompt="a panda", width=SIDE, height=SIDE, **(plain | started | wanted))


def provenance(stages: Stages, search: tuple[Path, ...] = (), **wanted: Any) -> str:
    events = list(pipeline.generate(asked(**wanted), stages, previews=False, search=search))
    made = next(event for event in events if isinstance(event, PictureReady))
    return made.provenance[START_DEPTH]


def test_the_recipe_says_whose_depth_it_is(stages: Stages, folder: Path, tmp_path: Path) -> None:
    torch.manual_seed(4)
    dpt(tmp_path / "preprocessors/mine")
    own = sha256(folder / "depth_estimator/model.safetensors")
    mine = sha256(tmp_path / "preprocessors/mine/model.safetensors")
    assert provenance(stages) == f"the model's own network: {own}"
    assert provenance(stages, (tmp_path,), depth_by="mine") == f"mine: {mine}"
    assert "rough" in provenance(stages, depth_by=ROUGH_DEPTH)
    assert provenance(stages, depth_map=png_bytes(MAP)) == "a depth map"


def read(stages: Stages, **wanted: Any) -> torch.Tensor:
    found = depth.read(asked(**wanted), stages, depth.Shelf())
    assert found is not None
    return found.near


def test_without_a_network_of_its_own_depth_is_rough(folder: Path, tmp_path: Path) -> None:
    bare = shutil.copytree(folder, tmp_path / "bare")
    shutil.rmtree(bare / "depth_estimator")
    assert (read_facts(bare).takes_depth, read_facts(bare).finds_depth) == (True, False)
    opened = get_backend("cpu_offload").open(bare, {})
    expected = np.asarray(rough_depth(START), np.float32) / 255
    assert np.array_equal(read(opened)[0, 0].numpy(), expected)
    assert np.array_equal(read(opened, depth_by=ROUGH_DEPTH)[0, 0].numpy(), expected)
    opened.close()


def test_a_pickled_network_is_not_opened(folder: Path, tmp_path: Path) -> None:
    pickled = shutil.copytree(folder, tmp_path / "pickled")
    (pickled / "depth_estimator/model.safetensors").rename(pickled / "depth_estimator/pytorch_model.bin")
    assert not read_facts(pickled).finds_depth


def test_half_precision_and_older_names_are_read(folder: Path, tmp_path: Path, stages: Stages) -> None:
    """As the published folder has them: "fp16" files, and the extractor's class of transformers 4.25."""
    older = shutil.copytree(folder, tmp_path / "older")
    weights = older / "depth_estimator/model.safetensors"
    weights.rename(weights.with_name("model.fp16.safetensors"))
    path = older / "feature_extractor/preprocessor_config.json"
    told = json.loads(path.read_text())
    del told["image_processor_type"]
    path.write_text(json.dumps(told | {"feature_extractor_type": "DPTFeatureExtractor", "size": 64}))
    opened = get_backend("cpu_offload").open(older, {})
    assert torch.equal(read(opened), read(stages))
    opened.close()


def test_sixteen_bits_of_grey_are_not_cut_off(stages: Stages) -> None:
    values = np.linspace(0, 65535, SIDE).astype(np.uint16)
    deep = Image.fromarray(np.tile(values[:, None], (1, SIDE)))
    found = read(stages, depth_map=png_bytes(deep))
    assert (found.diff(dim=2) >= 0).all()
    assert torch.allclose(found, read(stages, depth_map=png_bytes(MAP)), atol=0.02)


def test_even_depth_says_nothing() -> None:
    flat = depth.Depth(torch.full((1, 1, 8, 8), 0.3), "")
    assert not flat.channel(4, 4).any()


def test_what_cant_be_done_is_said(stages: Stages, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="none to start from") as said:
        make(stages, (SIDE, SIDE))
    assert said.value.action == "Give a start picture, or a depth map."
    with pytest.raises(InvalidRequest, match="not looked for"):
        make(stages, (SIDE, SIDE), depth_map=png_bytes(MAP), depth_by="mine")
    with pytest.raises(InvalidRequest, match="no depth model called 'mine'"):
        make(stages, (SIDE, SIDE), start=START, depth_by="mine")
    spoiled = shutil.copytree(folder, tmp_path / "spoiled")
    (spoiled / "depth_estimator/config.json").write_text("{}")
    opened = get_backend("cpu_offload").open(spoiled, {})
    with pytest.raises(InvalidRequest, match="own depth network can't be used"):
        make(opened, (SIDE, SIDE), start=START)
    opened.close()
    (spoiled / "depth_estimator/model.safetensors").write_bytes(b"cut")
    with pytest.raises(BrokenModel, match=r"depth_estimator/model\.safetensors is damaged"):
        get_backend("cpu_offload").open(spoiled, {})


def test_other_models_are_told_none(tmp_path: Path) -> None:
    from tests.tiny_models import make_tiny_model

    opened = get_backend("cpu_offload").open(make_tiny_model(tmp_path / "plain", EPSILON), {})
    given: tuple[dict[str, Any], ...] = ({"depth_by": "mine"}, {"depth_map": png_bytes(MAP)})
    for wanted in given:
        with pytest.raises(InvalidRequest, match="no use of depth"):
            make(opened, (SIDE, SIDE), start=START, **wanted)
    opened.close()


def test_the_depth_network_counts_where_it_runs(folder: Path) -> None:
    opened = open_folder(folder)
    plain, card = plain_footprint(4, 4), plain_footprint(4, 4, main_memory=False)
    needs = Needs(opened, plain)
    held = sum(map(needs.weights, needs.networks))
    found = needs.stages((SIDE, SIDE), 2)[own_depth.NETWORK]
    weights = (folder / "depth_estimator/model.safetensors").stat().st_size
    assert needs.depth_alone > 0.7 * weights
    assert found == held + needs.depth_alone
    assert needs.least((SIDE, SIDE), 2) >= needs.depth_alone
    assert own_depth.NETWORK not in Needs(opened, card).stages((SIDE, SIDE), 2)
    whole = predict(opened, replace(plain, libraries=10**6), (SIDE, SIDE), 10**9)
    assert whole.verdict == FITS
    assert whole.disk > sum(
        path.stat().st_size for part in opened.networks for path in (folder / part).glob("*.safetensors")
    )


def test_half_precision_counts_as_it_is_run(folder: Path, tmp_path: Path) -> None:
    """In float32; the file is half as large."""
    half = shutil.copytree(folder, tmp_path / "half")
    path = half / "depth_estimator"
    network: Any = DPTForDepthEstimation.from_pretrained(path)
    (path / "model.safetensors").unlink()
    network.half().save_pretrained(path, variant="fp16")
    assert json.loads((path / "config.json").read_text())["dtype"] == "float16"
    assert Needs(open_folder(half), plain_footprint(4, 4)).depth_alone == (
        Needs(open_folder(folder), plain_footprint(4, 4)).depth_alone
    )


def test_where_memory_is_short_the_model_rests_meanwhile(folder: Path) -> None:
    opened: Any = get_backend("cpu_offload").open(folder, {})
    rested: list[str] = []
    opened.rest = lambda: rested.append("rested")
    opened.bytes_beside = lambda: 1000
    first = make(opened, (SIDE, SIDE), start=START)
    assert rested == ["rested"]
    opened.bytes_beside = lambda: 10**9
    assert (make(opened, (SIDE, SIDE), start=START) == first).all()
    assert rested == ["rested"]
    opened.close()


def test_start_pixels_come_back_as_they_were() -> None:
    image = depth._as_image(start_pixels(asked()))  # pyright: ignore[reportPrivateUsage]
    assert np.array_equal(np.asarray(image), np.asarray(START))

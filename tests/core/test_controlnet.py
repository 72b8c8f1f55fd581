"""ControlNets: our pixels against diffusers' own pipelines, several at once, and what is refused."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.models.controlnets.controlnet import ControlNetModel
from diffusers.models.controlnets.multicontrolnet import MultiControlNetModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.pipelines.controlnet.pipeline_controlnet import StableDiffusionControlNetPipeline
from diffusers.pipelines.controlnet.pipeline_controlnet_img2img import (
    StableDiffusionControlNetImg2ImgPipeline,
)
from diffusers.pipelines.controlnet.pipeline_controlnet_sd_xl import StableDiffusionXLControlNetPipeline
from PIL import Image
from safetensors.torch import save_file

from backends.core.contract import Control, GuideRefused, InvalidRequest, Stages
from backends.core.control_pictures import prepare
from backends.core.quiet import quiet
from backends.core.registry import get_backend
from backends.core.streaming_budget import Budget
from backends.core.torch_stages import TorchStages
from desktop.library.database import Library
from desktop.library.jobs import add_job, all_jobs
from tests.fakes import fake_job
from tests.families.reference import (
    MINIMUM_DB,
    arguments,
    make,
    png_bytes,
    psnr,
    scheduler_for,
    start_picture,
)
from tests.library.conftest import home, library  # noqa: F401  fixtures
from tests.tiny_models import EPSILON, make_tiny_model, make_tiny_sdxl

SIDE = 64
EDGES = start_picture(SIDE)
OTHER = EDGES.transpose(Image.Transpose.ROTATE_90)
KINDS: dict[str, tuple[Any, Any]] = {
    "sd1": (make_tiny_model, StableDiffusionControlNetPipeline),
    "sdxl": (make_tiny_sdxl, StableDiffusionXLControlNetPipeline),
}


@dataclass
class Pair:
    """One model opened by us and by diffusers, with two ControlNets in `place`."""

    stages: Stages
    pipe: Any
    place: Path
    nets: list[Any]


def make_controlnet(folder: Path, unet: Any, seed: int) -> Any:
    """Writes a ControlNet beside this UNet whose every layer says something."""
    torch.manual_seed(seed)
    network: Any = ControlNetModel.from_unet(unet, load_weights_from_unet=False)
    for weight in network.parameters():
        if not weight.any():
            torch.nn.init.normal_(weight, std=0.5)
    network.save_pretrained(folder)
    return network.eval()


@pytest.fixture(scope="module", params=list(KINDS))
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    quiet()
    write, pipeline = KINDS[request.param]
    place = tmp_path_factory.mktemp("place")
    folder: Path = write(place / "tiny", EPSILON)
    unet = UNet2DConditionModel.from_pretrained(str(folder / "unet"), low_cpu_mem_usage=False)
    names = ("canny", "depth")
    nets = [make_controlnet(place / "controlnets" / n, unet, seed) for seed, n in enumerate(names, start=1)]
    settings: Any = {"low_cpu_mem_usage": False, "controlnet": nets[0]}
    pipe = pipeline.from_pretrained(str(folder), **settings)
    pipe.set_progress_bar_config(disable=True)
    stages = get_backend("cpu_offload").open(folder, {})
    yield Pair(stages, pipe, place, nets)
    stages.close()


def ours(pair: Pair, *controls: Control, **wanted: Any) -> np.ndarray:
    return make(pair.stages, (SIDE, SIDE), search=(pair.place,), controls=controls, **wanted)


def theirs(pair: Pair, picture: Any, guidance: float, **wanted: Any) -> np.ndarray:
    settings = arguments(guidance) | {"width": SIDE, "height": SIDE} | wanted
    return np.asarray(pair.pipe("a panda at the beach", image=picture, **settings).images[0])


@pytest.mark.parametrize(("sampler", "guidance"), [("euler", 4.0), ("dpmpp_2m_karras", 1.0)])
@pytest.mark.parametrize(("weight", "start", "end"), [(1.0, 0.0, 1.0), (0.6, 0.25, 0.75)])
def test_as_diffusers_is_guided(
    pair: Pair, sampler: str, guidance: float, weight: float, start: float, end: float
) -> None:
    scheduler_for(pair.pipe, sampler)
    pair.pipe.register_modules(controlnet=pair.nets[0])
    when = {"control_guidance_start": start, "control_guidance_end": end}
    expected = theirs(pair, EDGES, guidance, controlnet_conditioning_scale=weight, **when)
    control = Control(model="canny", image=png_bytes(EDGES), weight=weight, start=start, end=end)
    made = ours(pair, control, sampler=sampler, guidance_scale=guidance)
    assert psnr(made, expected) >= MINIMUM_DB
    assert psnr(made, ours(pair, sampler=sampler, guidance_scale=guidance)) < 45


def test_two_at_once(pair: Pair) -> None:
    scheduler_for(pair.pipe, "euler")
    pair.pipe.register_modules(controlnet=MultiControlNetModel(pair.nets))
    expected = theirs(pair, [EDGES, OTHER], 4.0, controlnet_conditioning_scale=[0.8, 0.5])
    first = Control(model="canny", image=png_bytes(EDGES), weight=0.8)
    second = Control(model="depth", image=png_bytes(OTHER), weight=0.5)
    assert psnr(ours(pair, first, second), expected) >= MINIMUM_DB


def test_a_single_file_is_read_as_its_folder(pair: Pair, tmp_path: Path) -> None:
    weights = "diffusion_pytorch_model.safetensors"
    shutil.copy(pair.place / "controlnets" / "canny" / weights, tmp_path / "mine.safetensors")
    search = (tmp_path / "mine.safetensors",)
    control = Control(model="mine", image=png_bytes(EDGES))
    made = make(pair.stages, (SIDE, SIDE), search=search, controls=(control,))
    assert np.array_equal(made, ours(pair, Control(model="canny", image=png_bytes(EDGES))))


_INNER = {
    "norm1.": "in_layers.0.", "conv1.": "in_layers.2.", "time_emb_proj.": "emb_layers.1.",
    "norm2.": "out_layers.0.", "conv2.": "out_layers.3.", "conv_shortcut.": "skip_connection.",
}  # fmt: skip
_OUTER = {
    "conv_in.": "input_blocks.0.0.", "time_embedding.linear_1.": "time_embed.0.",
    "time_embedding.linear_2.": "time_embed.2.", "controlnet_mid_block.": "middle_block_out.0.",
    "controlnet_cond_embedding.conv_in.": "input_hint_block.0.",
    "controlnet_cond_embedding.conv_out.": "input_hint_block.14.",
    "mid_block.resnets.0.": "middle_block.0.", "mid_block.attentions.0.": "middle_block.1.",
    "mid_block.resnets.1.": "middle_block.2.",
}  # fmt: skip
_PARTS = (("downsamplers.0.conv", 2, "0.op"), ("resnets.0", 1, "0"), ("attentions.0", 1, "1"))


def original_name(name: str) -> str:
    """What the first ControlNets call a weight of a network with one layer a block."""
    for ours_, theirs_ in _OUTER.items():
        name = name.replace(ours_, theirs_) if name.startswith(ours_) else name
    name = re.sub(r"^controlnet_down_blocks\.(\d+)", r"zero_convs.\1.0", name)
    if found := re.match(r"controlnet_cond_embedding\.blocks\.(\d+)", name):
        name = f"input_hint_block.{2 + 2 * int(found[1])}{name[found.end() :]}"
    for part, place, end in _PARTS:
        if found := re.match(rf"down_blocks\.(\d+)\.{re.escape(part)}", name):
            name = f"input_blocks.{2 * int(found[1]) + place}.{end}{name[found.end() :]}"
    if re.match(r"(input_blocks\.\d+\.0|middle_block\.[02])\.", name):
        for ours_, theirs_ in _INNER.items():
            name = name.replace(f".{ours_}", f".{theirs_}")
    return f"control_model.{name}"


def test_the_first_layout_of_files_is_read_too(pair: Pair, tmp_path: Path) -> None:
    if "add_embedding.linear_1.weight" in pair.nets[0].state_dict():
        pytest.skip("SDXL's never had this layout")
    file = tmp_path / "control_v11p.safetensors"
    save_file({original_name(name): tensor for name, tensor in pair.nets[0].state_dict().items()}, file)
    control = Control(model="control_v11p", image=png_bytes(EDGES))
    made = make(pair.stages, (SIDE, SIDE), search=(file,), controls=(control,))
    assert np.array_equal(made, ours(pair, Control(model="canny", image=png_bytes(EDGES))))


def test_a_prepared_picture_is_what_the_network_sees(pair: Pair) -> None:
    made = ours(pair, Control(model="canny", image=png_bytes(EDGES), prepare="canny"))
    alike = ours(pair, Control(model="canny", image=png_bytes(prepare(EDGES, "canny"))))
    assert np.array_equal(made, alike)
    assert not np.array_equal(made, ours(pair, Control(model="canny", image=png_bytes(EDGES))))


def test_from_a_start_picture(pair: Pair) -> None:
    if pair.stages.facts.family != "sd1":
        pytest.skip("one family is enough")
    parts = {**pair.pipe.components, "controlnet": pair.nets[0]}
    pipe: Any = StableDiffusionControlNetImg2ImgPipeline(**parts)
    pipe.set_progress_bar_config(disable=True)
    scheduler_for(pipe, "euler")
    found = pipe(
        "a panda at the beach", image=OTHER, control_image=EDGES, strength=0.6, width=SIDE, height=SIDE,
        controlnet_conditioning_scale=1.0, **arguments(4.0),
    )  # fmt: skip
    control = Control(model="canny", image=png_bytes(EDGES))
    assert psnr(ours(pair, control, start=OTHER, strength=0.6), np.asarray(found.images[0])) >= MINIMUM_DB


def test_memory_is_given_back_when_none_is_wanted(pair: Pair) -> None:
    before = ours(pair)
    ours(pair, Control(model="canny", image=png_bytes(EDGES)))
    held: Any = pair.stages
    assert len(held._controls.in_order()) == 1
    assert np.array_equal(ours(pair), before)
    assert held._controls.in_order() == []
    assert held._controls._networks == {}


def test_its_weights_count_as_memory(pair: Pair) -> None:
    plain: Any = pair.stages
    weights = sum(each.numel() for each in pair.nets[0].parameters()) * 4
    told: list[int] = []
    control = Control(model="canny", image=png_bytes(EDGES))
    for free, fits in ((10**9, True), (weights - 1, False)):
        placement = replace(plain._placement, free_bytes=lambda free=free: free, reserve=told.append)
        stages = TorchStages(plain._folder, placement)
        try:
            with nullcontext() if fits else pytest.raises(GuideRefused, match="beside the model"):
                make(stages, (SIDE, SIDE), search=(pair.place,), controls=(control,))
            assert told[-1] == (weights if fits else 0)
        finally:
            stages.close()
    budget = Budget(10**9, lambda: 0)
    budget.reserve(weights)
    assert budget.bytes() == 10**9 - weights


def test_what_is_none_is_refused(pair: Pair, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="cany"):
        ours(pair, Control(model="cany", image=png_bytes(EDGES)))
    file = tmp_path / "vae.safetensors"
    shutil.copy(pair.place / "tiny" / "vae" / "diffusion_pytorch_model.safetensors", file)
    with pytest.raises(InvalidRequest, match="no ControlNet for this kind"):
        make(pair.stages, (SIDE, SIDE), search=(file,), controls=(Control(model="vae", image=b""),))
    for wrong in ({"weight": 3.0}, {"start": 0.5, "end": 0.5}, {"weight": float("nan")}, {"prepare": "face"}):
        settings: dict[str, Any] = dict(wrong)
        with pytest.raises(InvalidRequest):
            Control(model="canny", image=b"", **settings)


def test_a_queued_job_keeps_them(library: Library) -> None:  # noqa: F811
    job = fake_job(side=64)
    control = Control(model="canny", image=png_bytes(EDGES), weight=0.5, end=0.75)
    wanted = replace(job, request=replace(job.request, controls=(control,)))
    add_job(library, wanted)
    add_job(library, job)
    assert [each.job and each.job.request for each in all_jobs(library)] == [wanted.request, job.request]

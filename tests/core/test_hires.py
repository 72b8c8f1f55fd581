"""Hi-res fix: our pixels against diffusers' text-to-image, an enlargement and its image-to-image, by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_img2img import (
    StableDiffusionImg2ImgPipeline,
)
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl import StableDiffusionXLPipeline
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl_img2img import (
    StableDiffusionXLImg2ImgPipeline,
)
from PIL import Image
from safetensors.torch import save_file

from backends.core import pipeline
from backends.core.contract import (
    Event,
    Hires,
    InvalidRequest,
    PictureReady,
    Request,
    Stage,
    StageProgress,
    Stages,
    StageStarted,
    StepDone,
)
from backends.core.quiet import quiet
from backends.core.registry import get_backend
from backends.core.upscaler_networks import network_of
from tests.families.reference import STEPS, arguments, make, png_bytes, psnr, scheduler_for, start_picture
from tests.tiny_models import EPSILON, V_ZERO_SNR, make_tiny_model, make_tiny_sdxl
from tests.upscaler_files import compact

MINIMUM_DB = 60.0
SIDE, WIDE, HIGH = 64, 96, 128
PROMPT = "a panda at the beach"
KINDS: dict[str, tuple[Any, Any, Any, dict[str, Any]]] = {
    "sd1": (make_tiny_model, StableDiffusionPipeline, StableDiffusionImg2ImgPipeline, EPSILON),
    "sd1 v": (make_tiny_model, StableDiffusionPipeline, StableDiffusionImg2ImgPipeline, V_ZERO_SNR),
    "sdxl": (make_tiny_sdxl, StableDiffusionXLPipeline, StableDiffusionXLImg2ImgPipeline, EPSILON),
}


@dataclass
class Pair:
    """One model opened by us and by diffusers, from noise and from a picture."""

    stages: Stages
    first: Any
    second: Any


@pytest.fixture(scope="module", params=list(KINDS))
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    quiet()
    write, first, second, schedule = KINDS[request.param]
    folder: Path = write(tmp_path_factory.mktemp("model") / "tiny", schedule)
    pipe = first.from_pretrained(str(folder), low_cpu_mem_usage=False)
    pipe.set_progress_bar_config(disable=True)
    again = second(**pipe.components)
    again.set_progress_bar_config(disable=True)
    stages = get_backend("cpu_offload").open(folder, {})
    yield Pair(stages, pipe, again)
    stages.close()


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    quiet()
    folder = make_tiny_model(tmp_path_factory.mktemp("plain") / "tiny", EPSILON)
    opened = get_backend("cpu_offload").open(folder, {})
    yield opened
    opened.close()


def hires(by: str, steps: int = 3, strength: float = 0.6) -> Hires:
    return Hires(width=WIDE, height=HIGH, steps=steps, strength=strength, by=by)


def by_hand(pair: Pair, by: str, sampler: str, guidance: float, schedule: int, strength: float) -> np.ndarray:
    """Text to image, resized, image to image, each with the one seed."""
    scheduler_for(pair.first, sampler)
    kind = "latent" if by == "latent" else "pil"
    first = pair.first(PROMPT, width=SIDE, height=SIDE, output_type=kind, **arguments(guidance)).images
    if by == "latent":
        larger = torch.nn.functional.interpolate(first, size=(HIGH // 8, WIDE // 8), mode="bilinear")
    else:
        larger = first[0].resize((WIDE, HIGH), Image.Resampling.LANCZOS)
    scheduler_for(pair.second, sampler)
    sizes = (
        {"target_size": (HIGH, WIDE), "original_size": (HIGH, WIDE)} if "XL" in str(type(pair.second)) else {}
    )
    found = pair.second(PROMPT, image=larger, strength=strength, **arguments(guidance, schedule), **sizes)
    return np.asarray(found.images[0])


@pytest.mark.parametrize("by", ["latent", "lanczos"])
@pytest.mark.parametrize(
    ("sampler", "guidance"), [("euler", 4.0), ("euler_a", 1.0), ("dpmpp_2m_karras", 4.0)]
)
def test_as_diffusers_does_it_by_hand(pair: Pair, by: str, sampler: str, guidance: float) -> None:
    expected = by_hand(pair, by, sampler, guidance, schedule=5, strength=0.6)
    wanted = {"sampler": sampler, "guidance_scale": guidance, "hires": hires(by)}
    ours = make(pair.stages, (SIDE, SIDE), **wanted)
    assert ours.shape == (HIGH, WIDE, 3)
    assert psnr(ours, expected) >= MINIMUM_DB


def run(stages: Stages, search: tuple[Path, ...] = (), **wanted: Any) -> list[Event]:
    settings: dict[str, Any] = {"prompt": PROMPT, "steps": STEPS, "guidance_scale": 1.0, "sampler": "euler"}
    request = Request(**(settings | wanted), width=SIDE, height=SIDE, seed=7)
    return list(pipeline.generate(request, stages, search=search))


def test_both_passes_count_and_are_shown(stages: Stages) -> None:
    events = run(stages, hires=hires("lanczos"), count=2)
    steps = [event for event in events if isinstance(event, StepDone) and event.picture_index == 1]
    assert [(each.step, each.steps) for each in steps] == [(n, STEPS + 3) for n in range(1, STEPS + 4)]
    shown = [(each.preview.width, each.preview.height) for each in steps if each.preview]
    assert shown == [(8, 8)] * STEPS + [(12, 16)] * 3
    begun = [e.stage for e in events if isinstance(e, StageStarted) and e.picture_index == 1]
    assert begun == [Stage.DENOISING, Stage.ENLARGING, Stage.DETAILING, Stage.DEVELOPING]
    ready = [event for event in events if isinstance(event, PictureReady)]
    assert [(each.picture.width, each.picture.height) for each in ready] == [(WIDE, HIGH)] * 2
    assert {"denoising", "enlarging", "detailing", "developing"} <= set(ready[1].stage_seconds)


@pytest.mark.parametrize("sampler", ["euler", "heun", "dpmpp_sde"])
@pytest.mark.parametrize(("steps", "strength"), [(1, 0.3), (7, 1.0), (5, 0.33)])
def test_so_many_steps_are_made_as_were_asked_for(
    stages: Stages, sampler: str, steps: int, strength: float
) -> None:
    events = run(stages, sampler=sampler, hires=hires("latent", steps, strength))
    numbers = [event.step for event in events if isinstance(event, StepDone)]
    assert numbers[-1] == next(event.steps for event in events if isinstance(event, StepDone))
    assert numbers[-1] - steps == STEPS
    assert all(after - before in (0, 1) for before, after in pairwise(numbers))


def test_closing_it_in_the_second_pass_ends_it(stages: Stages) -> None:
    request = Request(
        prompt="x", width=SIDE, height=SIDE, steps=2, guidance_scale=1, sampler="euler", seed=0,
        hires=hires("latent"),
    )  # fmt: skip
    events = pipeline.generate(request, stages)
    seen: list[Event] = []
    for event in events:
        seen.append(event)
        if isinstance(event, StepDone) and event.step == 3:
            events.close()
    assert not any(isinstance(event, PictureReady) for event in seen)


def test_an_inpainting_model_can_do_it_too(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path / "tiny", EPSILON, in_channels=9)
    opened = get_backend("cpu_offload").open(folder, {})
    assert make(opened, (SIDE, SIDE), hires=hires("latent")).shape == (HIGH, WIDE, 3)
    opened.close()


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"width": 56}, "can't make a width of 64 pixels 56"),
        ({"height": 264}, "Use a multiple of 8 from 64 to 256"),
        ({"width": 100}, "can't make a width of 64 pixels 100"),
        ({"steps": 0}, "can't make 0 steps"),
        ({"steps": 600}, "Use 1 to 500 steps"),
        ({"strength": 0.0}, "strength of the hi-res fix can't be 0.0"),
        ({"strength": float("nan")}, "strength of the hi-res fix can't be nan"),
        ({"by": " "}, "needs a way"),
    ],
)
def test_what_cant_be_done_is_said(wanted: dict[str, Any], words: str) -> None:
    settings: dict[str, Any] = {"width": 128, "height": 128, "steps": 3} | wanted
    with pytest.raises(InvalidRequest, match=words):
        Request(
            width=64, height=64, steps=2, guidance_scale=1, sampler="euler", seed=0, hires=Hires(**settings)
        )


def test_a_start_picture_and_hires_dont_go_together() -> None:
    with pytest.raises(InvalidRequest, match="pictures from noise"):
        Request(
            width=64, height=64, steps=9, guidance_scale=1, sampler="euler", seed=0,
            init_image=png_bytes(start_picture(64)), hires=hires("latent"),
        )  # fmt: skip


def test_an_upscaler_can_enlarge_it(stages: Stages, tmp_path: Path) -> None:
    """As done by hand: our own picture, the network's, resized, and image to image with the same seed."""
    weights = compact(scale=4)
    (tmp_path / "upscalers").mkdir()
    save_file(weights, tmp_path / "upscalers" / "Big.safetensors")
    ours = make(stages, (SIDE, SIDE), hires=hires("Big"), search=(tmp_path,))
    first, by = make(stages, (SIDE, SIDE)), network_of(weights)
    assert by is not None
    with torch.inference_mode():
        four = by(torch.from_numpy(first.astype(np.float32) / 255).permute(2, 0, 1)[None])[0].clamp(0, 1)
    large = Image.fromarray((four.permute(1, 2, 0) * 255).round().to(torch.uint8).numpy())
    larger = large.resize((WIDE, HIGH), Image.Resampling.LANCZOS)
    by_hand = make(stages, (WIDE, HIGH), start=larger, steps=5, strength=0.6)
    assert psnr(ours, by_hand) >= MINIMUM_DB
    events = run(stages, hires=hires("Big"), search=(tmp_path,))
    assert [(e.done, e.of) for e in events if isinstance(e, StageProgress)] == [(1, 1)]
    (ready,) = [event for event in events if isinstance(event, PictureReady)]
    digest = hashlib.sha256((tmp_path / "upscalers" / "Big.safetensors").read_bytes()).hexdigest()
    assert ready.provenance["upscaler"] == f"Big: {digest}"


def test_an_upscaler_that_isnt_there_is_told_first(stages: Stages, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"no upscaler called 'Big'.*upscalers"):
        run(stages, hires=hires("Big"), search=(tmp_path,))
    (tmp_path / "upscalers").mkdir()
    (tmp_path / "upscalers" / "Big.pth").write_bytes(b"")
    with pytest.raises(InvalidRequest, match="mezzotint upscale PICTURE --by Big"):
        run(stages, hires=hires("Big"), search=(tmp_path,))

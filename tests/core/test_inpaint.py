"""Inpainting: our pixels against diffusers' own pipelines, and what stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_inpaint import (
    StableDiffusionInpaintPipeline,
)
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl_inpaint import (
    StableDiffusionXLInpaintPipeline,
)
from PIL import Image, ImageDraw

from backends.core import masks
from backends.core.contract import InvalidRequest, MezzotintError, Stages, UnreadablePicture
from backends.core.model_folder import read_facts
from backends.core.quiet import quiet
from backends.core.registry import get_backend
from tests.families.reference import (
    MINIMUM_DB,
    arguments,
    make,
    png_bytes,
    psnr,
    scheduler_for,
    start_picture,
)
from tests.tiny_models import EPSILON, V_ZERO_SNR, make_tiny_model, make_tiny_sdxl

SIDE = 64
START = start_picture(SIDE)
ORIGINAL = np.asarray(START)
BOX = (16, 8, 40, 48)
KINDS: dict[str, tuple[Any, Any, dict[str, Any], dict[str, Any]]] = {
    "sd1": (make_tiny_model, StableDiffusionInpaintPipeline, EPSILON, {}),
    "sd1 v": (make_tiny_model, StableDiffusionInpaintPipeline, V_ZERO_SNR, {}),
    "sd1 inpainting": (make_tiny_model, StableDiffusionInpaintPipeline, EPSILON, {"in_channels": 9}),
    "sdxl": (make_tiny_sdxl, StableDiffusionXLInpaintPipeline, EPSILON, {}),
    "sdxl inpainting": (make_tiny_sdxl, StableDiffusionXLInpaintPipeline, EPSILON, {"in_channels": 9}),
}


@dataclass
class Pair:
    """One model opened by us and by diffusers."""

    stages: Stages
    pipe: Any


@pytest.fixture(scope="module", params=list(KINDS))
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    quiet()
    write, pipeline, schedule, unet = KINDS[request.param]
    folder: Path = write(tmp_path_factory.mktemp("model") / "tiny", schedule, **unet)
    pipe = pipeline.from_pretrained(str(folder), low_cpu_mem_usage=False)
    pipe.set_progress_bar_config(disable=True)
    stages = get_backend("cpu_offload").open(folder, {})
    assert read_facts(folder).takes_mask == ("inpainting" in request.param)
    yield Pair(stages, pipe)
    stages.close()


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    quiet()
    folder = make_tiny_model(tmp_path_factory.mktemp("plain") / "tiny", EPSILON)
    opened = get_backend("cpu_offload").open(folder, {})
    yield opened
    opened.close()


def mask_of(*box: int, size: tuple[int, int] = (SIDE, SIDE)) -> Image.Image:
    """White within the box, its last row and column not included."""
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=255)
    return mask


@pytest.mark.parametrize("strength", [1.0, 0.6])
@pytest.mark.parametrize(
    ("sampler", "guidance"), [("euler", 4.0), ("euler_a", 1.0), ("dpmpp_2m_karras", 4.0)]
)
def test_as_diffusers_paints_it(pair: Pair, sampler: str, guidance: float, strength: float) -> None:
    scheduler_for(pair.pipe, sampler)
    mask, wanted = mask_of(*BOX), arguments(guidance) | {"strength": strength}
    found = pair.pipe("a panda at the beach", image=START, mask_image=mask, width=SIDE, height=SIDE, **wanted)
    expected = np.where(np.asarray(mask)[..., None] > 0, np.asarray(found.images[0]), ORIGINAL)
    settings = {"sampler": sampler, "guidance_scale": guidance, "strength": strength}
    ours = make(pair.stages, (SIDE, SIDE), start=START, mask=png_bytes(mask), **settings)
    assert psnr(ours, expected) >= MINIMUM_DB
    assert psnr(ours, ORIGINAL) < 40


def test_an_inpainting_model_makes_whole_pictures(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path / "tiny", EPSILON, in_channels=9)
    opened = get_backend("cpu_offload").open(folder, {})
    pipe: Any = StableDiffusionInpaintPipeline.from_pretrained(str(folder), low_cpu_mem_usage=False)
    pipe.set_progress_bar_config(disable=True)
    scheduler_for(pipe, "euler")
    everything = mask_of(0, 0, SIDE, SIDE)
    wanted = arguments(4.0) | {"strength": 1.0, "width": SIDE, "height": SIDE}
    expected = pipe("a panda at the beach", image=START, mask_image=everything, **wanted)
    assert psnr(make(opened, (SIDE, SIDE)), np.asarray(expected.images[0])) >= MINIMUM_DB
    wanted = arguments(4.0) | {"strength": 0.6, "width": SIDE, "height": SIDE}
    expected = pipe("a panda at the beach", image=START, mask_image=everything, **wanted)
    ours = make(opened, (SIDE, SIDE), start=START, strength=0.6)
    assert psnr(ours, np.asarray(expected.images[0])) >= MINIMUM_DB
    opened.close()


@pytest.mark.parametrize("feather", [0, 6])
def test_beyond_the_feather_every_pixel_is_the_start_pictures(stages: Stages, feather: int) -> None:
    ours = make(
        stages, (SIDE, SIDE), start=START, mask=png_bytes(mask_of(*BOX)), feather=feather, strength=0.8
    )
    changed = (ours != ORIGINAL).any(axis=-1)
    near = np.zeros((SIDE, SIDE), bool)
    reach = feather + feather // 3
    near[BOX[1] - reach : BOX[3] + reach, BOX[0] - reach : BOX[2] + reach] = True
    assert not changed[~near].any()
    assert changed[BOX[1] : BOX[3], BOX[0] : BOX[2]].mean() > 0.9
    assert changed[near & (np.asarray(mask_of(*BOX)) == 0)].any() == (feather > 0)


def test_a_brush_smaller_than_a_latent_counts(stages: Stages) -> None:
    ours = make(stages, (SIDE, SIDE), start=START, mask=png_bytes(mask_of(21, 21, 24, 24)), strength=1.0)
    assert (ours != ORIGINAL).any(axis=-1).sum() == 9


def test_extended_pictures_keep_theirs(stages: Stages) -> None:
    ours = make(stages, (SIDE + 48, SIDE + 8), start=START, extend=(16, 8, 32, 0), strength=1.0)
    assert ours.shape == (SIDE + 8, SIDE + 48, 3)
    assert (ours[8:, 16 : 16 + SIDE] == ORIGINAL).all()
    mirrored = np.pad(ORIGINAL, ((8, 0), (16, 32), (0, 0)), mode="symmetric")
    assert (ours != mirrored).any(axis=-1)[:, :16].mean() > 0.9


def test_a_mask_and_an_extension_go_together(stages: Stages) -> None:
    mask = png_bytes(mask_of(0, 0, 8, 8))
    ours = make(stages, (SIDE + 16, SIDE), start=START, mask=mask, extend=(0, 0, 16, 0), strength=1.0)
    changed = (ours[:, :SIDE] != ORIGINAL).any(axis=-1)
    assert changed[:8, :8].mean() > 0.9
    assert not changed[8:].any()
    assert not changed[:, 8:].any()


def test_a_scaled_picture_keeps_what_is_under_black(stages: Stages) -> None:
    large = START.resize((160, 160))
    ours = make(stages, (SIDE, SIDE), start=large, mask=png_bytes(mask_of(0, 0, 80, 160, size=(160, 160))))
    scaled = np.asarray(large.resize((SIDE, SIDE), Image.Resampling.LANCZOS))
    assert (ours[:, 32:] == scaled[:, 32:]).all()
    assert (ours[:, :32] != scaled[:, :32]).any()


@pytest.mark.parametrize(
    ("wanted", "error", "words"),
    [
        ({"mask": png_bytes(mask_of(0, 0, 8, 8, size=(32, 64)))}, InvalidRequest, "32 x 64"),
        ({"mask": png_bytes(Image.new("L", (SIDE, SIDE)))}, InvalidRequest, "empty"),
        ({"mask": b"nothing"}, UnreadablePicture, "mask can't be read"),
        ({"feather": -1}, InvalidRequest, "feather"),
        ({"extend": (8, 0, -8, 0)}, InvalidRequest, "extension at the right"),
        ({"extend": (0, 32, 0, 24)}, InvalidRequest, "nothing of the start picture"),
        ({"start": None, "mask": png_bytes(mask_of(0, 0, 8, 8))}, InvalidRequest, "needs a picture"),
    ],
)
def test_what_cant_be_done_is_said(
    stages: Stages, wanted: dict[str, Any], error: type[MezzotintError], words: str
) -> None:
    settings: dict[str, Any] = {"start": START} | wanted
    with pytest.raises(error, match=words):
        make(stages, (SIDE, SIDE), **settings)


def test_compact_masks_stay_the_same_mask() -> None:
    brush = mask_of(*BOX)
    kept = masks.compact(png_bytes(brush.convert("RGB")), (SIDE, SIDE))
    assert len(kept) < 200
    assert masks.open_mask(kept, (SIDE, SIDE)).tobytes() == brush.tobytes()


def test_a_mask_of_noise_is_too_much_to_keep() -> None:
    noise = np.random.default_rng(0).integers(0, 2, (2200, 2200), dtype=np.uint8) * 255
    with pytest.raises(InvalidRequest, match="too much detail"):
        masks.compact(png_bytes(Image.fromarray(noise)), (2200, 2200))

"""Another VAE in place of the model's own: files' layouts, pixels against diffusers', what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_img2img import (
    StableDiffusionImg2ImgPipeline,
)
from safetensors.torch import load_file, save_file

from backends.core import pipeline, preview
from backends.core.contract import InvalidRequest, Notice, PictureReady, Request, Stages
from backends.core.model_folder import sha256
from backends.core.quiet import quiet
from backends.core.registry import get_backend
from backends.core.shelf import Shelf
from tests.convert.single_files import _vae_name, _vae_value
from tests.families.reference import MINIMUM_DB, arguments, make, psnr, scheduler_for, start_picture
from tests.tiny_models import EPSILON, make_tiny_model

SIDE = (64, 64)
FILE = "diffusion_pytorch_model.safetensors"
KL: Any = AutoencoderKL


def other_vae(folder: Path, seed: int = 7, **others: Any) -> Path:
    """Another VAE of the tiny model's make, in diffusers' folder."""
    torch.manual_seed(seed)
    plain: dict[str, Any] = {
        "block_out_channels": (16, 16, 32, 32),
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "latent_channels": 4,
        "norm_num_groups": 4,
    }
    KL(**(plain | others)).save_pretrained(folder)
    return folder / FILE


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, and the same other VAE in three layouts; one in half precision."""
    quiet()
    place = tmp_path_factory.mktemp("place")
    make_tiny_model(place / "tiny", EPSILON)
    weights = load_file(other_vae(place / "vae" / "folder"))
    save_file(weights, place / "vae" / "plain.safetensors")
    first = {_vae_name(key): _vae_value(key, value) for key, value in weights.items()}
    save_file(first, place / "vae" / "first.safetensors")
    (place / "models" / "VAE").mkdir(parents=True)
    whole = {f"first_stage_model.{key}": value.half() for key, value in first.items()}
    save_file(whole, place / "models" / "VAE" / "half.safetensors")
    shutil.copytree(place / "tiny", place / "changed")
    shutil.copy(place / "vae" / "folder" / FILE, place / "changed" / "vae" / FILE)
    return place


@pytest.fixture(scope="module")
def stages(place: Path) -> Iterator[Stages]:
    opened = get_backend("cpu_offload").open(place / "tiny", {})
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def wanted(place: Path) -> np.ndarray:
    """By the same folder with the VAE replaced."""
    opened = get_backend("cpu_offload").open(place / "changed", {})
    try:
        return make(opened, SIDE)
    finally:
        opened.close()


def test_places_and_names(place: Path) -> None:
    assert set(Shelf([place]).vaes) == {"folder", "plain", "first", "half"}
    assert set(Shelf([place / "vae" / "first.safetensors"]).vaes) == {"first"}
    with pytest.raises(InvalidRequest, match="plain"):
        Shelf([place]).vae("plane")


@pytest.mark.parametrize("name", ["folder", "plain", "first"])
def test_pixels_are_those_of_the_changed_folder(
    place: Path, stages: Stages, wanted: np.ndarray, name: str
) -> None:
    own = make(stages, SIDE)
    assert np.array_equal(make(stages, SIDE, vae=name, search=(place,)), wanted)
    assert np.array_equal(make(stages, SIDE), own)  # and the model's own again
    assert not np.array_equal(own, wanted)


def test_half_precision_within_a_whole_model(place: Path, stages: Stages, wanted: np.ndarray) -> None:
    assert psnr(make(stages, SIDE, vae="half", search=(place,)), wanted) > 45


@pytest.mark.parametrize("options", [{"memory": "600MB"}, {"weights": "int8"}])
def test_streamed_and_int8(place: Path, options: dict[str, str]) -> None:
    with_it, changed = (
        get_backend("cpu_offload").open(place / name, options) for name in ("tiny", "changed")
    )
    try:
        assert np.array_equal(make(with_it, SIDE, vae="first", search=(place,)), make(changed, SIDE))
    finally:
        with_it.close()
        changed.close()


@pytest.mark.parametrize("start", [False, True])
def test_diffusers_makes_the_same(place: Path, stages: Stages, start: bool) -> None:
    kind: Any = StableDiffusionImg2ImgPipeline if start else StableDiffusionPipeline
    vae = KL.from_pretrained(place / "vae" / "folder")
    pipe = kind.from_pretrained(place / "tiny", vae=vae, safety_checker=None, feature_extractor=None)
    pipe.set_progress_bar_config(disable=True)
    scheduler_for(pipe, "euler")
    picture = start_picture(SIDE[0]) if start else None
    told: dict[str, Any] = {"image": picture, "strength": 0.75} if start else {"width": 64, "height": 64}
    theirs = pipe("a panda at the beach", output_type="np", **told, **arguments(4.0)).images[0]
    ours = make(stages, SIDE, picture, (place,), vae="folder")
    assert psnr(ours, np.round(theirs * 255).astype(np.uint8)) >= MINIMUM_DB


def test_provenance_previews_and_tiles_follow(place: Path, stages: Stages) -> None:
    make(stages, SIDE)
    before = preview.of(stages)
    request = Request(
        prompt="a fox", width=64, height=64, steps=2, guidance_scale=1, sampler="euler", seed=1, vae="first"
    )
    events = list(pipeline.generate(request, stages, search=(place,)))
    told = next(event.provenance for event in events if isinstance(event, PictureReady))
    assert told["vae"] == "first"
    assert told["vae_hash"] == sha256(place / "vae" / "first.safetensors")
    assert not torch.equal(preview.of(stages).matrix, before.matrix)
    make(stages, SIDE)
    assert torch.equal(preview.of(stages).matrix, before.matrix)


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ({"latent_channels": 16}, "its latents have 16 channels, and the model's 4"),
        ({"scaling_factor": 0.13025}, "scaled by 0.13025, and the model's are by 0.18215"),
        (
            {"block_out_channels": (16, 32), "down_block_types": ("DownEncoderBlock2D",) * 2,
             "up_block_types": ("UpDecoderBlock2D",) * 2},
            "its latents are 2 pixels a side, and the model's 8",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit(
    place: Path, stages: Stages, tmp_path: Path, others: dict[str, Any], words: str
) -> None:
    other_vae(tmp_path / "vae" / "other", **others)
    with pytest.raises(InvalidRequest, match=f"other is no VAE for this model: .*{words}"):
        make(stages, SIDE, vae="other", search=(tmp_path,))
    assert make(stages, SIDE).any()


def test_a_single_file_of_another_kind(stages: Stages, tmp_path: Path) -> None:
    weights = load_file(other_vae(tmp_path / "flux", latent_channels=16))
    (tmp_path / "vae").mkdir()
    save_file(weights, tmp_path / "vae" / "ae.safetensors")
    with pytest.raises(InvalidRequest, match=r"ae is no VAE .* 16 channels"):
        make(stages, SIDE, vae="ae", search=(tmp_path,))
    wider = load_file(other_vae(tmp_path / "wide", block_out_channels=(32, 32, 64, 64)))
    save_file(wider, tmp_path / "vae" / "wide.safetensors")
    with pytest.raises(InvalidRequest, match="other shapes"):
        make(stages, SIDE, vae="wide", search=(tmp_path,))
    save_file({"lora_unet.weight": torch.ones(2)}, tmp_path / "vae" / "lora.safetensors")
    with pytest.raises(InvalidRequest, match="lora is no VAE for this model"):
        make(stages, SIDE, vae="lora", search=(tmp_path,))
    (tmp_path / "vae" / "torn.safetensors").write_bytes(b"torn")
    with pytest.raises(InvalidRequest, match="damaged"):
        make(stages, SIDE, vae="torn", search=(tmp_path,))
    (tmp_path / "vae" / "old.pt").write_bytes(b"pickle")
    with pytest.raises(InvalidRequest, match="is a pickle"):
        make(stages, SIDE, vae="old", search=(tmp_path,))


def test_a_vae_of_the_same_shapes_for_another_kind(place: Path, stages: Stages, tmp_path: Path) -> None:
    """What its metadata say is believed; a name makes a doubt."""
    weights = load_file(place / "vae" / "plain.safetensors")
    (tmp_path / "vae").mkdir()
    save_file(
        weights,
        tmp_path / "vae" / "a.safetensors",
        {"modelspec.architecture": "stable-diffusion-xl-v1-base/vae"},
    )
    with pytest.raises(InvalidRequest, match=r"another kind of model \(stable-diffusion-xl"):
        make(stages, SIDE, vae="a", search=(tmp_path,))
    save_file(weights, tmp_path / "vae" / "sdxl_vae.safetensors")
    request = Request(
        prompt="", width=64, height=64, steps=1, guidance_scale=1, sampler="euler", seed=1, vae="sdxl_vae"
    )
    events = list(pipeline.generate(request, stages, search=(tmp_path,)))
    assert any(
        "By its name the VAE sdxl_vae" in event.message for event in events if isinstance(event, Notice)
    )


def test_a_damaged_configuration(place: Path, stages: Stages, tmp_path: Path) -> None:
    shutil.copytree(place / "vae" / "folder", tmp_path / "vae" / "odd")
    for text in ("[]", "{", json.dumps({"latent_channels": "many"})):
        (tmp_path / "vae" / "odd" / "config.json").write_text(text)
        with pytest.raises(InvalidRequest, match="damaged"):
            make(stages, SIDE, vae="odd", search=(tmp_path,))


def test_a_converted_model_says_that_it_can_not(place: Path, stages: Stages) -> None:
    class Converted:
        facts = stages.facts

    request = Request(
        prompt="", width=64, height=64, steps=1, guidance_scale=1, sampler="euler", seed=1, vae="first"
    )
    with pytest.raises(InvalidRequest, match="A converted model has its VAE within it"):
        list(pipeline.generate(request, Converted(), search=(place,)))  # pyright: ignore[reportArgumentType]


def test_a_name_is_not_too_long() -> None:
    with pytest.raises(InvalidRequest, match="name is too long"):
        Request(
            prompt="", width=64, height=64, steps=1, guidance_scale=1, sampler="euler", seed=1, vae="v" * 201
        )

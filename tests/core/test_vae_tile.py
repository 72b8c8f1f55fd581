"""Tiled decoding as a choice: against diffusers' tiles, told as no lack of memory, recorded and repeated."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from PIL import Image

from backends.core import pipeline
from backends.core.contract import InvalidRequest, Notice, OutOfMemory, PictureReady, Request
from backends.core.placement import Placement
from backends.core.registry import get_backend
from backends.core.tiling import ALL_WAYS, TILES, ways_for
from backends.core.torch_stages import open_stages
from backends.core.vae_tile import VAE_TILE
from tests.families.reference import psnr
from tests.tiny_models import EPSILON, make_tiny_model

SIDE = 384
REQUEST = Request(prompt="a", width=SIDE, height=SIDE, steps=1, guidance_scale=1, sampler="euler", seed=7)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("model") / "tiny", EPSILON)


def make(folder: Path, options: Mapping[str, str]) -> tuple[np.ndarray, PictureReady, list[str]]:
    stages = get_backend("cpu_offload").open(folder, options)
    events = list(pipeline.generate(REQUEST, stages, previews=False))
    stages.close()
    ready = next(event for event in events if isinstance(event, PictureReady))
    pixels = np.frombuffer(ready.picture.rgb, np.uint8).reshape(SIDE, SIDE, 3)
    return pixels, ready, [event.message for event in events if isinstance(event, Notice)]


@torch.inference_mode()
def by_diffusers(folder: Path, tile: int | None) -> np.ndarray:
    """The same latents through diffusers' own autoencoder, in its own tiles."""
    stages = get_backend("cpu_offload").open(folder, {})
    kept: list[torch.Tensor] = []
    decode: Any = stages.decode

    def keep(latents: torch.Tensor) -> torch.Tensor:
        kept.append(latents)
        return decode(latents)

    stages.decode = keep  # pyright: ignore[reportAttributeAccessIssue]
    list(pipeline.generate(REQUEST, stages, previews=False))
    scale = stages.facts.scaling_factor
    stages.close()
    vae: Any = AutoencoderKL.from_pretrained(folder / "vae")
    if tile is not None:
        vae.enable_tiling()
        vae.tile_latent_min_size, vae.tile_sample_min_size = tile // 8, tile
    image = vae.decode(kept[-1] / scale).sample[0]
    unit = (image / 2 + 0.5).clamp(0, 1).permute(1, 2, 0).numpy()
    return np.asarray(Image.fromarray((unit * 255).round().astype(np.uint8)))


def test_tiles_are_diffusers_own(folder: Path) -> None:
    ours, ready, said = make(folder, {"vae_tile": "256"})
    assert psnr(ours, by_diffusers(folder, 256)) >= 60
    assert psnr(ours, by_diffusers(folder, None)) < 60
    assert ready.provenance["vae_tile"] == "256"
    assert not [sentence for sentence in said if "memory" in sentence]


def test_at_once_is_the_whole_picture(folder: Path) -> None:
    ours, ready, _ = make(folder, {"vae_tile": "at once"})
    assert psnr(ours, by_diffusers(folder, None)) >= 60
    assert ready.provenance["vae_tile"] == "at once"


def test_by_itself_nothing_is_recorded(folder: Path) -> None:
    assert "vae_tile" not in make(folder, {})[1].provenance


def test_at_once_is_refused_where_it_cant_fit(folder: Path) -> None:
    def open_with(choice: str | None) -> None:
        place = Placement(backend="test", device=torch.device("cpu"), free_bytes=lambda: 90 * 2**20)
        stages = open_stages(folder, place, choice)
        try:
            stages.check_size(1024, 1024)
        finally:
            stages.close()

    open_with(None)
    open_with("256")
    with pytest.raises(OutOfMemory, match="1024 x 1024"):
        open_with("at once")


def test_the_ways_that_a_choice_leaves() -> None:
    assert ways_for("automatic", ALL_WAYS, 8) == ALL_WAYS
    assert ways_for("at once", ALL_WAYS, 8) == ALL_WAYS[:1]
    assert [way.tile for way in ways_for("512", ALL_WAYS, 8)] == [TILES.tile]
    assert [way.tile for way in ways_for("512", ALL_WAYS, 32)] == [16]


def test_other_choices_are_refused(folder: Path) -> None:
    with pytest.raises(InvalidRequest, match="way to develop"):
        get_backend("cpu_offload").open(folder, {"vae_tile": "7"})


@pytest.mark.parametrize("backend", ["cpu_offload", "mps", "cuda_int8"])
def test_every_torch_backend_offers_it(backend: str) -> None:
    from backends.core.registry import all_backends

    (found,) = [each.capabilities for each in all_backends() if each.capabilities.id == backend]
    assert VAE_TILE in found.options

"""SDXL through Core ML's programs: two encoders, one text as a whole, sizes; a tiny one's pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from backends.core import coreml_runtime
from backends.core.contract import Stages
from backends.core.model_folder import open_folder
from backends.core.quiet import quiet
from backends.core.registry import get_backend
from convert import mil_reference
from convert.coreml_model import convert_model
from convert.coreml_networks import build, door, kind_of, load_part, names, reference_network
from convert.recipes import Order
from convert.verify_inputs import record
from tests.coreml_backend.kit import REQUEST, SIZE, decibels, pixels
from tests.coreml_models import make_smallest_sdxl

ENCODERS = {
    "text_encoder": ("deep_0", "deep_1", "deep_2"),
    "text_encoder_2": ("deep_0", "deep_1", "deep_2", "projected"),
}


@pytest.fixture(scope="module")
def tiny_sdxl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    quiet()
    return make_smallest_sdxl(tmp_path_factory.mktemp("models") / "tiny-sdxl")


@pytest.fixture(scope="module")
def both(tiny_sdxl: Path) -> Iterator[tuple[Stages, Stages]]:
    order = Order(
        model=tiny_sdxl, destination=tiny_sdxl.with_name("made"), target="gpu", sizes=(SIZE,), check=True
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(coreml_runtime.VARIABLE, "reference")
        ours = get_backend("coreml").open(convert_model(order, lambda _: None), {})
        theirs = get_backend("cpu_offload").open(tiny_sdxl, {})
        yield ours, theirs
        ours.close()
        theirs.close()


@pytest.mark.parametrize("name", ENCODERS)
def test_its_encoders_equal_torchs(tiny_sdxl: Path, name: str) -> None:
    folder = open_folder(tiny_sdxl)
    entry = door(folder, name, SIZE)
    assert entry.outputs == ENCODERS[name]
    ours = build(load_part(folder, name), kind_of(folder, name), "original")
    theirs, inputs = reference_network(folder, name), dict(entry.inputs)
    with torch.no_grad():
        for made, wanted in zip(ours(*inputs.values()), theirs(*inputs.values()), strict=True):
            torch.testing.assert_close(made, wanted, atol=2e-5, rtol=1e-4)


def test_what_its_networks_get_is_recorded_by_their_doors_names(tiny_sdxl: Path) -> None:
    folder = open_folder(tiny_sdxl)
    recorded = record(tiny_sdxl, SIZE, steps=2)
    assert list(recorded) == list(names(folder))
    for name, examples in recorded.items():
        entry = door(folder, name, SIZE, 2 if name == "unet" else 1)
        wanted = {key: tuple(each.shape) for key, each in entry.inputs.items()}
        assert [{key: each.shape for key, each in one.items()} for one in examples] == [wanted] * len(
            examples
        )
    sizes = recorded["unet"][0]["added_features"][:, 16:]
    assert (sizes[0] == sizes[1]).all()  # the same for the empty prompt
    assert abs(sizes).max() == 1


@pytest.mark.thorough
@pytest.mark.parametrize(
    "change",
    [{}, {"negative_prompt": "snow"}, {"guidance_scale": 1.0, "clip_skip": 1}],
    ids=["nothing negative", "guided", "clip skip"],
)
def test_the_picture_is_the_cpus(both: tuple[Stages, Stages], change: dict[str, Any]) -> None:
    request = replace(REQUEST, **change)
    assert decibels(*(pixels(request, stages) for stages in both)) > 30


@pytest.mark.thorough
def test_the_text_as_a_whole_is_transformers(both: tuple[Stages, Stages]) -> None:
    ours, theirs = (stages.encode_text("a fox", 0).tensors for stages in both)
    assert set(ours) == {"encoder_hidden_states", "text_embeds"}
    for name, wanted in theirs.items():
        torch.testing.assert_close(ours[name], wanted, atol=5e-3, rtol=1e-2)


@pytest.mark.thorough
@pytest.mark.usefixtures("both")
def test_its_folder_says_how_close_each_network_is(tiny_sdxl: Path) -> None:
    folder = tiny_sdxl.with_name("made")
    told = json.loads((folder / "model.json").read_text())["coreml"]
    assert list(told["packages"]) == list(names(open_folder(tiny_sdxl)))
    for found in told["checks"].values():
        assert found["fp32"] >= 60
        assert found["fp16"] >= 35


@pytest.mark.thorough
@pytest.mark.usefixtures("both")
def test_its_decoder_computes_in_fp32(tiny_sdxl: Path) -> None:
    folder = tiny_sdxl.with_name("made")
    kinds = {
        name: mil_reference.load(folder / f"{name}.mlpackage").inputs for name in ("unet", "vae_decoder")
    }
    assert kinds["vae_decoder"]["latents"].dtype == "fp32"
    assert kinds["unet"]["added_features"].dtype == "fp16"

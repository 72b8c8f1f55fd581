"""The Core ML backend through our interpreter: a tiny model's pictures against the CPU's; damaged folders."""

from __future__ import annotations

import io
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from backends.core import coreml_folder, coreml_prepare, coreml_runtime, pipeline, registry
from backends.core.contract import (
    BackendUnavailable,
    BrokenModel,
    InvalidRequest,
    Job,
    Notice,
    PictureReady,
    Request,
    Stages,
)
from backends.core.coreml_folder import open_converted
from backends.core.quiet import quiet
from backends.core.registry import get_backend
from backends.core.worker import PipelineEngine
from convert import recipes
from convert.coreml_model import convert_model
from convert.recipes import NETWORKS, Order
from tests.coreml_models import make_smallest_model
from tests.coreml_work import fail, hang, ready

SIZE = (64, 96)
REQUEST = Request(
    prompt="a fox", width=SIZE[0], height=SIZE[1], steps=3, guidance_scale=4.0, sampler="dpmpp_2m", seed=7
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    quiet()
    return make_smallest_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def converted(tiny: Path) -> Path:
    order = Order(
        model=tiny, destination=tiny.with_name("tiny-coreml"), target="neural-engine", sizes=(SIZE,)
    )
    return convert_model(order, lambda _: None)


@pytest.fixture(autouse=True)
def reference(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(coreml_runtime.VARIABLE, "reference")
    monkeypatch.setenv("MEZZOTINT_HOME", str(tmp_path / "home"))


@pytest.fixture
def copy(converted: Path, tmp_path: Path) -> Path:
    """A converted folder that may be damaged."""
    return Path(shutil.copytree(converted, tmp_path / "copy"))


@pytest.fixture(scope="module")
def both(converted: Path, tiny: Path) -> Iterator[tuple[Stages, Stages]]:
    os.environ[coreml_runtime.VARIABLE] = "reference"
    ours, theirs = get_backend("coreml").open(converted, {}), get_backend("cpu_offload").open(tiny, {})
    yield ours, theirs
    ours.close()
    theirs.close()
    del os.environ[coreml_runtime.VARIABLE]


def pixels(request: Request, stages: Stages) -> np.ndarray:
    (made,) = [
        event
        for event in pipeline.generate(request, stages, previews=False)
        if isinstance(event, PictureReady)
    ]
    return np.frombuffer(made.picture.rgb, np.uint8).astype(float)


def decibels(one: np.ndarray, other: np.ndarray) -> float:
    error = float(np.mean((one - other) ** 2))
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)


def start_picture() -> bytes:
    drawn = np.random.default_rng(1).integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(drawn).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"guidance_scale": 1.0},
        {"clip_skip": 2, "negative_prompt": "snow"},
        {"init_image": start_picture(), "strength": 0.7},
    ],
    ids=["guided", "unguided", "clip skip", "from a picture"],
)
def test_the_picture_is_the_cpus(both: tuple[Stages, Stages], change: dict[str, Any]) -> None:
    request = replace(REQUEST, **change)
    assert decibels(*(pixels(request, stages) for stages in both)) > 30


def test_the_record_says_what_made_it(both: tuple[Stages, Stages]) -> None:
    told = both[0].provenance
    assert told["backend"] == "coreml"
    assert told["device"] == "reference interpreter (fp16)"
    assert len(told["model_hash"]) == 64


def test_the_folder_says_how_it_was_made(converted: Path) -> None:
    told = json.loads((converted / "model.json").read_text())
    assert told["made_for"] == "coreml"
    assert told["coreml"]["attention"] == "split-einsum-chunked"
    assert set(told["coreml"]["packages"]) == set(NETWORKS)
    model = open_converted(converted)
    assert (model.sizes, model.bits, model.guidance_batch) == ((SIZE,), 16, 2)
    assert coreml_folder.CONVERTER == recipes.CONVERTER
    assert {path.name for path in converted.parent.iterdir()} == {"tiny", "tiny-coreml"}


def test_another_size_is_refused_with_what_to_do(both: tuple[Stages, Stages]) -> None:
    with pytest.raises(InvalidRequest, match="converted for 64 x 96") as refused:
        both[0].check_size(128, 128)
    assert "mezzotint convert --size" in refused.value.action


def test_it_is_chosen_for_a_converted_model_and_for_no_other(converted: Path, tiny: Path) -> None:
    assert get_backend("auto", converted).capabilities.id == "coreml"
    assert get_backend("auto", tiny).capabilities.id != "coreml"
    with pytest.raises(BrokenModel, match="not prepared for Core ML"):
        get_backend("coreml").open(tiny, {})
    with pytest.raises(BrokenModel, match="converted for coreml"):
        get_backend("cpu_offload").open(converted, {})


def test_without_a_mac_it_says_so(converted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(coreml_runtime.VARIABLE)
    monkeypatch.setattr(coreml_runtime.sys, "platform", "linux")
    with pytest.raises(BackendUnavailable, match="needs a Mac"):
        get_backend("coreml")
    with pytest.raises(BackendUnavailable, match="converted for Core ML") as refused:
        get_backend("auto", converted)
    assert "made from" in refused.value.action
    assert registry.CONVERTED in registry.all_backends()[0].capabilities.features


def weights(folder: Path) -> Path:
    return folder / "unet.mlpackage/Data/com.apple.CoreML/weights/weight.bin"


def truncate(folder: Path) -> None:
    data = weights(folder).read_bytes()
    weights(folder).write_bytes(data[: len(data) // 2])


def alter(folder: Path) -> None:
    data = bytearray(weights(folder).read_bytes())
    data[len(data) // 2] ^= 1
    weights(folder).write_bytes(data)


def tell(folder: Path, change: dict[str, Any]) -> None:
    file = folder / "model.json"
    told = json.loads(file.read_text())
    told["coreml"] |= change
    file.write_text(json.dumps(told))


DAMAGES = {
    "a package is missing": (lambda f: shutil.rmtree(f / "unet.mlpackage"), "lacks unet.mlpackage"),
    "a file of it is missing": (lambda f: weights(f).unlink(), "incomplete: it lacks weight.bin"),
    "it is cut short": (truncate, "unet.mlpackage is cut short"),
    "it is altered": (alter, "unet.mlpackage is damaged"),
    "another version made it": (lambda f: tell(f, {"converter": 99}), "another version"),
    "a size makes no sense": (lambda f: tell(f, {"sizes": 7}), "makes no sense"),
    "a package outside": (lambda f: tell(f, {"packages": {"unet": ["../x"]}}), "makes no sense"),
    "a network is not named": (lambda f: tell(f, {"packages": {}}), "makes no sense"),
}


@pytest.mark.parametrize(("damage", "sentence"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_folder_says_what_is_wrong(copy: Path, damage: Any, sentence: str) -> None:
    damage(copy)
    with pytest.raises(BrokenModel, match=sentence) as said:
        get_backend("coreml").open(copy, {})
    assert said.value.action.startswith("Convert the model again")
    assert "\n" not in said.value.message


# --- Preparing: what the child does is Core ML's; how it is watched is ours ---


def test_preparing_is_done_once_for_a_system(converted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = open_converted(converted)
    list(coreml_prepare.prepare(model, "neural-engine", ready))
    assert [task.target.is_dir() for task in coreml_prepare.tasks_for(model, "neural-engine")] == [True] * 4
    assert list(coreml_prepare.prepare(model, "neural-engine", fail)) == []
    before = coreml_prepare.cache_folder(model)
    monkeypatch.setattr(coreml_prepare, "system_build", lambda: "25A1")
    with pytest.raises(BrokenModel, match=r"can't be made ready.*Unable to load model"):
        list(coreml_prepare.prepare(model, "neural-engine", fail))
    assert not before.exists()


def test_preparing_says_what_goes_on_and_can_be_stopped(converted: Path) -> None:
    going_on = coreml_prepare.prepare(open_converted(converted), "neural-engine", hang)
    words, seconds = next(going_on)
    assert words == "Preparing for the Neural Engine: text_encoder, 1 of 4"
    assert next(going_on)[1] > seconds
    began = time.monotonic()
    getattr(going_on, "close")()  # noqa: B009 - iterators are told as such, and are generators
    assert time.monotonic() - began < 5


def test_preparing_that_hangs_is_noticed(converted: Path) -> None:
    with pytest.raises(BackendUnavailable, match="did not get text_encoder ready"):
        list(coreml_prepare.prepare(open_converted(converted), "gpu", hang, longest=0.3))


def test_the_worker_tells_that_it_prepares(converted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend: Any = get_backend("coreml")
    monkeypatch.setattr(
        type(backend), "prepare", lambda *_: iter([("Preparing: unet", 0.1), ("Preparing: unet", 0.4)])
    )
    engine = PipelineEngine()
    events = list(engine.make(Job(request=replace(REQUEST, steps=1), model_folder=converted, previews=False)))
    engine.close()
    notices = [event.message for event in events if isinstance(event, Notice)]
    assert notices[0].startswith("Preparing: unet. This happens once")
    assert sum(message.startswith("Preparing") for message in notices) == 1
    assert any(isinstance(event, PictureReady) for event in events)

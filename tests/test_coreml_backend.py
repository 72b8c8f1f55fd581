"""The Core ML backend through our interpreter: a tiny model's pictures against the CPU's; damaged folders."""

from __future__ import annotations

import hashlib
import io
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pytestqt.qtbot import QtBot

from backends.core import coreml_folder, coreml_prepare, coreml_runtime, pipeline, registry
from backends.core.contract import (
    BackendUnavailable,
    BrokenModel,
    InvalidRequest,
    Job,
    PictureReady,
    Request,
    Stages,
)
from backends.core.contract.preparing import Preparation, Preparing
from backends.core.coreml_folder import open_converted
from backends.core.model_folder import open_folder
from backends.core.quiet import quiet
from backends.core.registry import get_backend
from backends.core.worker import PipelineEngine
from convert import recipes
from convert.coreml_model import convert_model
from convert.recipes import NETWORKS, Order
from desktop.model.form import ModelChoice
from desktop.model.make import Make
from desktop.session import Session
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


def flip(file: Path, at: float) -> None:
    data = bytearray(file.read_bytes())
    data[int(len(data) * at)] ^= 1
    file.write_bytes(data)


def tell(folder: Path, **change: Any) -> None:
    """Changes what model.json says of the conversion."""
    file = folder / "model.json"
    told = json.loads(file.read_text())
    told["coreml"] |= change
    file.write_text(json.dumps(told))


def tell_all(folder: Path, **change: Any) -> None:
    file = folder / "model.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))


def vouch(folder: Path, name: str) -> None:
    """Makes model.json agree with a file that was changed, as somebody who means it would."""
    told = json.loads((folder / "model.json").read_text())
    data = (folder / name).read_bytes()
    told["files"][name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    (folder / "model.json").write_text(json.dumps(told))


def name_outside(folder: Path) -> None:
    name = "unet.mlpackage/Manifest.json"
    told = json.loads((folder / name).read_text())
    next(iter(told["itemInfoEntries"].values()))["path"] = "../../../../etc/passwd"
    (folder / name).write_text(json.dumps(told))
    vouch(folder, name)


def loop(folder: Path) -> None:
    shutil.rmtree(folder / "unet.mlpackage")
    (folder / "unet.mlpackage").symlink_to(folder / "unet.mlpackage")


def swell(folder: Path) -> None:
    """A terabyte, without taking it."""
    with weights(folder).open("r+b") as file:
        file.truncate(2**40)


def swap(folder: Path) -> None:
    shutil.rmtree(folder / "vae_decoder.mlpackage")
    shutil.copytree(folder / "unet.mlpackage", folder / "vae_decoder.mlpackage")


def list_outside(folder: Path) -> None:
    (folder.parent / "secret").write_text("x")
    told = json.loads((folder / "model.json").read_text())
    name = "unet.mlpackage/../../secret"
    told["files"][name] = {"sha256": hashlib.sha256(b"x").hexdigest(), "bytes": 1}
    (folder / "model.json").write_text(json.dumps(told))


def model(folder: Path) -> Path:
    return folder / "unet.mlpackage/Data/com.apple.CoreML/model.mlmodel"


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a package is missing": (lambda f: shutil.rmtree(f / "unet.mlpackage"), "lacks unet.mlpackage"),
    "a file of it is missing": (lambda f: weights(f).unlink(), "incomplete: it lacks weight.bin"),
    "its contents are missing": (
        lambda f: (f / "unet.mlpackage/Manifest.json").unlink(),
        "it lacks Manifest.json",
    ),
    "it is cut short": (truncate, "unet.mlpackage is cut short"),
    "it is empty": (lambda f: weights(f).write_bytes(b""), "unet.mlpackage is cut short"),
    "it is huge": (swell, "unet.mlpackage is cut short or damaged"),
    "a weight is altered": (lambda f: flip(weights(f), 0.5), "unet.mlpackage is damaged"),
    "the last weight is altered": (lambda f: flip(weights(f), 0.9999), "unet.mlpackage is damaged"),
    "the program is altered": (lambda f: flip(model(f), 0.3), "unet.mlpackage is damaged"),
    "its contents name a file outside": (name_outside, "its Manifest.json makes no sense"),
    "it points at itself": (loop, "lacks unet.mlpackage"),
    "it is another network": (swap, "vae_decoder.mlpackage is cut short or damaged"),
    "it is a file": (
        lambda f: (shutil.rmtree(f / "unet.mlpackage"), (f / "unet.mlpackage").write_text("")),
        "lacks unet.mlpackage",
    ),
    "a configuration is altered": (lambda f: flip(f / "unet/config.json", 0.0), "can't be read as JSON"),
    "the scheduler is altered": (
        lambda f: (f / "scheduler/scheduler_config.json").write_text("{}"),
        "its contents changed",
    ),
    "another version made it": (lambda f: tell(f, converter=99), "another version"),
    "a version that said less made it": (lambda f: tell_all(f, coreml=[]), "another version"),
    "a size makes no sense": (lambda f: tell(f, sizes=7), "makes no sense"),
    "there are no sizes": (lambda f: tell(f, sizes=[]), "makes no sense"),
    "a size is negative": (lambda f: tell(f, sizes=[[-8, 64]]), "makes no sense"),
    "a size is infinite": (lambda f: tell(f, sizes=[[float("inf"), 64]]), "makes no sense"),
    "a package outside": (lambda f: tell(f, packages={"unet": ["../x"]}), "makes no sense"),
    "a network is not named": (lambda f: tell(f, packages={}), "makes no sense"),
    "a network has no packages": (
        lambda f: tell(f, packages={name: [] for name in NETWORKS}),
        "makes no sense",
    ),
    "no latents at once": (lambda f: tell(f, guidance_batch=0), "makes no sense"),
    "unknown units": (lambda f: tell(f, units="abacus"), "makes no sense"),
    "no preview": (lambda f: tell(f, preview={"matrix": "a", "bias": 1}), "makes no sense"),
    "functions for other sizes": (lambda f: tell(f, functions={"8x8": "x"}), "makes no sense"),
    "no files are listed": (lambda f: tell_all(f, files={}), "lacks text_encoder.mlpackage"),
    "files are no list": (lambda f: tell_all(f, files=[1]), "makes no sense"),
    "files without hashes": (
        lambda f: tell_all(f, files={"text_encoder.mlpackage/Manifest.json": {}}),
        "makes no sense",
    ),
    "files outside the folder": (list_outside, "makes no sense"),
    "model.json is cut": (lambda f: (f / "model.json").write_text('{"made_for": "cor'), "read as JSON"),
    "model.json is not there": (lambda f: (f / "model.json").unlink(), "not prepared for Core ML"),
    "model.json points at itself": (
        lambda f: ((f / "model.json").unlink(), (f / "model.json").symlink_to("model.json")),
        "not prepared for Core ML",
    ),
    "an empty folder": (lambda f: (shutil.rmtree(f), f.mkdir()), "not a model folder"),
}


@pytest.mark.parametrize(("damage", "sentence"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_folder_says_what_is_wrong(copy: Path, damage: Any, sentence: str) -> None:
    damage(copy)
    with pytest.raises(BrokenModel, match=sentence) as said:
        get_backend("coreml").open(copy, {})
    assert said.value.action
    assert "\n" not in said.value.message
    assert len(said.value.message) < 300


def test_a_file_that_cannot_be_read_is_named(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(coreml_folder, "sha256", refuse)
    with pytest.raises(BrokenModel, match=r"can't be read \(.*Permission denied"):
        get_backend("coreml").open(copy, {})


def test_what_the_finder_leaves_behind_does_no_harm(copy: Path) -> None:
    (copy / "unet.mlpackage/.DS_Store").write_bytes(b"x")
    assert open_converted(copy).sizes == (SIZE,)


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


def test_what_is_compiled_is_kept_by_every_package(copy: Path) -> None:
    """Two models may share a UNet and differ in the decoder."""
    before = open_converted(copy)
    name = "vae_decoder.mlpackage/Data/com.apple.CoreML/weights/weight.bin"
    flip(copy / name, 0.5)
    vouch(copy, name)
    after = open_converted(copy)
    assert before.hash == after.hash
    assert coreml_prepare.cache_folder(before) != coreml_prepare.cache_folder(after)


def test_preparing_says_what_goes_on_and_can_be_stopped(converted: Path) -> None:
    going_on = coreml_prepare.prepare(open_converted(converted), "neural-engine", hang)
    first = next(going_on)
    assert first.words == "Preparing for the Neural Engine: text_encoder, 1 of 4"
    assert first.typical == 5.0  # nothing was timed yet, and it is small
    assert next(going_on).seconds > first.seconds
    getattr(going_on, "close")()  # noqa: B009 - iterators are told as such, and are generators
    assert not [each for each in multiprocessing.active_children() if each.is_alive()]


def test_the_usual_time_is_what_it_took_here(converted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = open_converted(converted)
    list(coreml_prepare.prepare(model, "gpu", ready))
    monkeypatch.setattr(coreml_prepare, "system_build", lambda: "25A1")
    took = json.loads(coreml_prepare.cache_folder(model).with_name("gpu.json").read_text())["seconds"]
    assert coreml_prepare.typical_seconds(model, "gpu") == took
    coreml_prepare.forget(model)
    assert coreml_prepare.typical_seconds(model, "gpu") == 5.0


def test_preparing_that_hangs_is_noticed(converted: Path) -> None:
    with pytest.raises(BackendUnavailable, match="did not get text_encoder ready"):
        list(coreml_prepare.prepare(open_converted(converted), "gpu", hang, longest=0.3))


def test_the_worker_tells_that_it_prepares(converted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend: Any = get_backend("coreml")
    at = Preparation(place="neural-engine", part="unet", number=4, of=4, seconds=3.0, typical=150.0)
    monkeypatch.setattr(type(backend), "prepare", lambda *_: iter([at, replace(at, seconds=4.0)]))
    engine = PipelineEngine()
    events = list(engine.make(Job(request=replace(REQUEST, steps=1), model_folder=converted, previews=False)))
    engine.close()
    assert [event.at.seconds for event in events if isinstance(event, Preparing)] == [3.0, 4.0]
    assert any(isinstance(event, PictureReady) for event in events)


def test_the_networks_need_neither_diffusers_models_nor_transformers() -> None:
    """Torch is there for samplers and arrays, transformers for its tokenizer alone."""
    script = (
        "import sys; import backends.coreml, backends.core.coreml_stages, backends.core.pipeline\n"
        "print([m for m in sys.modules if m.startswith(('diffusers.models', 'transformers.models'))])"
    )
    root = Path(coreml_folder.__file__).parents[2]
    told = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "[]"


@pytest.mark.thorough
def test_the_window_shows_that_it_prepares_and_stop_ends_it(
    converted: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    """Through the window's own session and a real worker."""
    session = Session(lambda made: tmp_path / "x.png", "tests.coreml_work:NeverReady")
    choice = ModelChoice(
        name="tiny", title="Tiny", folder=converted, defaults=open_folder(converted).facts.defaults
    )
    make = Make(session, [choice])
    session.happened.connect(make.take)
    make.form.width, make.form.height = SIZE
    make.generate()
    qtbot.waitUntil(lambda: headline(make).startswith("Preparing"), timeout=600_000)
    make.stop()
    qtbot.waitUntil(lambda: make.queue.running is None, timeout=600_000)
    assert make.studio.problem is None
    session.close()


def headline(make: Make) -> str:
    return make.studio.progress.headline if make.studio.progress else ""


@pytest.mark.thorough
def test_the_windows_worker_makes_the_same_picture(
    converted: Path, both: tuple[Stages, Stages], qtbot: QtBot, tmp_path: Path
) -> None:
    """The whole way: the window's session, a process of its own, this backend, a picture."""
    session = Session(lambda made: tmp_path / "x.png")
    defaults = open_folder(converted).facts.defaults
    make = Make(session, [ModelChoice(name="tiny", title="Tiny", folder=converted, defaults=defaults)])
    session.happened.connect(make.take)
    for name in ("prompt", "width", "height", "steps", "guidance_scale", "sampler"):
        setattr(make.form, name, getattr(REQUEST, name))
    make.form.choose_seed(7)
    make.generate()
    qtbot.waitUntil(lambda: make.studio.problem is not None or bool(make.studio.recent), timeout=300_000)
    assert make.studio.problem is None
    (made,) = make.studio.recent
    session.close()
    assert made.event.provenance["device"] == "reference interpreter (fp16)"
    assert decibels(np.frombuffer(made.event.picture.rgb, np.uint8), pixels(REQUEST, both[1])) > 30

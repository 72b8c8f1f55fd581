"""Stand-ins: a scriptable engine for the worker (no torch)."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Generator, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from backends.core.contract import (
    BackendUnavailable,
    Capabilities,
    Event,
    Finished,
    Job,
    Notice,
    OutOfMemory,
    Picture,
    PictureReady,
    Request,
    Stage,
    StageFinished,
    StageStarted,
    StepDone,
    unknown,
)
from backends.core.worker_messages import Surveyed
from tests import fake_inside

if TYPE_CHECKING:
    from backends.core.relay import Relay

FAKE_ENGINE = "tests.fakes:FakeEngine"

FAKE_BACKEND = Capabilities(
    id="fake",
    name="Fake",
    hardware="any",
    rank=0,
    families=("sd1",),
    features=frozenset({"text_to_image", "image_to_image", "negative_prompt", "preview"}),
    precisions=("float32",),
)


UNABLE = replace(FAKE_BACKEND, id="unable", name="Unable", rank=9)


def fake_job(prompt: str = "a cat", *, steps: int = 5, count: int = 1, side: int = 64, seed: int = 1) -> Job:
    """A job for FakeEngine, which obeys what stands in braces in the prompt (see there)."""
    request = Request(
        prompt=prompt,
        width=side,
        height=side,
        steps=steps,
        count=count,
        guidance_scale=5.0,
        sampler="euler",
        seed=seed,
    )
    return Job(request=request, model_folder=Path("nowhere"))


class FakeEngine:
    """Makes coloured squares, and does what the prompt says in braces.

    {step 0.1} seconds a step; {die 3} is killed after step 3; {crash} segfaults; {oom}, {bug} raise;
    {notice} says something; {big} sends previews too large for a pipe's buffer.
    """

    def warm_up(self) -> Capabilities | None:
        return FAKE_BACKEND

    def survey(self) -> tuple[Surveyed, ...]:
        return (Surveyed(FAKE_BACKEND), Surveyed(UNABLE, "It needs a card that isn't here: buy one."))

    def close(self) -> None:
        pass

    def make(self, job: Job) -> Generator[Event]:
        request, orders = job.request, _orders(job.request.prompt)
        yield StageStarted(request.id, Stage.LOADING)
        _misbehave(orders)
        yield StageFinished(request.id, Stage.LOADING, 0.0)
        yield StageStarted(request.id, Stage.READING_PROMPT)
        if "notice" in orders:
            yield Notice(request.id, "The prompt is longer than the model reads; left out: the end")
        yield fake_inside.text(request)
        yield StageFinished(request.id, Stage.READING_PROMPT, 0.0)
        for index in range(request.count):
            yield from _make_one(request, orders, index, job.inside)
        yield Finished(request.id)


def _orders(prompt: str) -> dict[str, float]:
    return {name: float(value or 0) for name, value in re.findall(r"\{(\w+) ?([\d.]*)\}", prompt)}


def _misbehave(orders: dict[str, float]) -> None:
    if "crash" in orders:
        os.kill(os.getpid(), 11)
    if "bug" in orders:
        raise ZeroDivisionError("a defect")
    if "oom" in orders:
        raise OutOfMemory("A picture of 64 x 64 needs about 9.0 GB of memory.", "Use 64 x 64.")


def _make_one(request: Request, orders: dict[str, float], index: int, inside: bool) -> Generator[Event]:
    yield StageStarted(request.id, Stage.DENOISING, index)
    seconds = orders.get("step", 0.001)
    if inside:
        yield fake_inside.noise(request, index)
    for step in range(1, request.steps + 1):
        time.sleep(seconds)
        if step == orders.get("die"):
            os.kill(os.getpid(), 9)
        if inside:
            yield fake_inside.step(request, index, step)
        preview = square(512 if "big" in orders else 16, 16, request.seed + index + step)
        yield StepDone(request.id, step, request.steps, seconds, index, preview)
    yield StageFinished(request.id, Stage.DENOISING, seconds * request.steps, index)
    if inside:
        yield from fake_inside.ending(request, index)
    yield StageStarted(request.id, Stage.DEVELOPING, index)
    yield StageFinished(request.id, Stage.DEVELOPING, 0.0, index)
    picture = square(request.width, request.height, request.seed + index)
    times = {"reading_prompt": 0.0, "denoising": seconds * request.steps, "developing": 0.0}
    provenance = {"backend": "fake", "precision": "float32", "model": "Fake", "model_hash": "0" * 64}
    yield PictureReady(request.id, index, request.seed + index, picture, times, provenance)


def square(width: int, height: int, seed: int) -> Picture:
    """One colour, decided by the seed."""
    colour = bytes(((seed * 67) % 256, (seed * 131) % 256, (seed * 29) % 256))
    return Picture(width, height, colour * (width * height))


# --- For the command line -----------------------------------------------------------------------


class FakeStages:
    """Networks that are not there."""

    provenance: Mapping[str, str] = {"backend": "fake", "model_hash": "0" * 64}

    def close(self) -> None:
        pass


class FakeBackend:
    """Opens any folder at once. With a `reason` it can't run here."""

    def __init__(self, capabilities: Capabilities = FAKE_BACKEND, reason: str | None = None) -> None:
        self.capabilities = capabilities
        self._reason = reason

    def probe(self) -> str | None:
        return self._reason

    def open(self, model_folder: Path, options: Mapping[str, str]) -> FakeStages:
        return FakeStages()


def fake_engine_modules(seen: list[Request]) -> dict[str, ModuleType]:
    """What the command line imports to make pictures, without torch. Requests made are put in `seen`."""
    able = FakeBackend()
    unable = FakeBackend(UNABLE, "It needs a card that isn't here: buy one.")

    def get_backend(backend_id: str = "auto", model_folder: Path | None = None) -> FakeBackend:
        if backend_id == "unable":
            raise BackendUnavailable("It needs a card that isn't here.", "Buy one.")
        if backend_id not in ("auto", "fake"):
            raise unknown("backend", backend_id, ["auto", "fake"])
        return able

    def generate(
        request: Request,
        stages: FakeStages,
        *,
        previews: bool = True,
        search: tuple[Path, ...] = (),
        relay: Relay | None = None,
    ) -> Generator[Event]:
        assert (relay is not None) == (request.refiner is not None)
        seen.append(request)
        yield from FakeEngine().make(Job(request=request, model_folder=Path("nowhere")))

    contents: dict[str, dict[str, object]] = {
        "registry": {"get_backend": get_backend, "all_backends": lambda: (able, unable)},
        "pipeline": {"generate": generate},
        "torch_stages": {"import_classes": lambda: None},
    }
    modules: dict[str, ModuleType] = {}
    for name, attributes in contents.items():
        module = ModuleType(f"backends.core.{name}")
        vars(module).update(attributes)
        modules[module.__name__] = module
    return modules


def write_refiner_configs(folder: Path, name: str = "Refiner") -> Path:
    """The same of SDXL's refiner."""
    write_model_configs(folder, name)
    index = {
        "_class_name": "StableDiffusionXLImg2ImgPipeline",
        "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
        "tokenizer_2": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "scheduler": ["diffusers", "DDIMScheduler"],
        "requires_aesthetics_score": True,
    }
    for part in ("text_encoder", "tokenizer"):
        (folder / part).rename(folder / f"{part}_2")
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def write_model_configs(folder: Path, name: str = "Tiny") -> Path:
    """A model folder as far as its JSON files go: enough to be listed and to give defaults (64 x 64)."""
    files: dict[str, object] = {
        "model_index.json": {
            "_class_name": "StableDiffusionPipeline",
            "text_encoder": ["transformers", "CLIPTextModel"],
            "tokenizer": ["transformers", "CLIPTokenizer"],
            "unet": ["diffusers", "UNet2DConditionModel"],
            "vae": ["diffusers", "AutoencoderKL"],
            "scheduler": ["diffusers", "DDIMScheduler"],
        },
        "model.json": {"name": name, "defaults": {"width": 64, "height": 64, "steps": 5}},
        "text_encoder/config.json": {},
        "tokenizer/tokenizer_config.json": {"model_max_length": 77},
        "unet/config.json": {"in_channels": 4, "sample_size": 8},
        "vae/config.json": {"latent_channels": 4, "block_out_channels": [8, 8, 8, 8]},
        "scheduler/scheduler_config.json": {},
    }
    for path, value in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(json.dumps(value))
    return folder

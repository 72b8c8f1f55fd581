"""The loop: text -> latents -> picture, as a generator of events.

The caller owns progress, previews and cancelling: closing the generator stops before the next
step and skips the decode. Latents stay on the CPU in float32 between steps, so that noise, sampler
arithmetic and guidance are the same numbers on every backend.
"""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from backends.core import control, guard, hires, noise, pictures, preview, samplers
from backends.core.conditioning import read_prompt, resized
from backends.core.contract import (
    Event,
    Finished,
    Notice,
    PictureReady,
    Request,
    Stage,
    Stages,
    StageStarted,
    StepDone,
)
from backends.core.detailing import enlarge, second_pass
from backends.core.prompt_reading import Prompts
from backends.core.run import Run, remarks
from backends.core.shelf import Shelf
from backends.core.starting import read_picture, read_references, starting_point

if TYPE_CHECKING:
    from backends.core.inside import Observer


def generate(
    request: Request,
    stages: Stages,
    *,
    previews: bool = True,
    inside: bool = False,
    search: Iterable[Path] = (),
) -> Generator[Event]:
    """Makes the pictures of a request. Closing the generator cancels.

    With `inside` it also tells what happens within each step (see inside.py); the pictures are the same.
    LoRAs, embeddings and wildcards that the prompt names are looked for in `search` (see shelf.py).
    Raises InvalidRequest, UnreadablePicture, OutOfMemory or BadPicture.
    """
    shelf = Shelf(search)
    run = Run(request, stages, Prompts(request, shelf))
    stages.check_size(request.width, request.height)
    if request.hires is not None:
        stages.check_size(*request.picture_size)
    samplers.check_sampler(request.sampler, stages.facts)
    samplers.set_steps(run.new_scheduler(), request.sampler, request.steps)
    run.references = yield from read_references(run)
    run.controls = control.read(request, stages, shelf)
    conditioning = yield from read_prompt(run, 0)
    start = yield from read_picture(run)
    detail = yield from second_pass(run, shelf)
    show = preview.of(stages) if previews else None
    for index in range(request.count):
        if run.prompts.differs(index):
            conditioning = yield from read_prompt(run, index)
        observer = _observer(run, index) if inside else None
        latents = yield from _denoise(run, index, conditioning, start, show, observer)
        if detail is not None:
            larger = yield from enlarge(run, detail, index, latents)
            latents = yield from _denoise(detail, index, resized(detail, conditioning), larger, show, None)
        yield from _develop(detail or run, index, latents)
    yield Finished(request.id)


def _denoise(
    run: Run,
    index: int,
    conditioning: Mapping[str, Tensor],
    start: hires.Start | None,
    show: preview.LinearPreview | None,
    observer: Observer | None,
) -> Generator[Event, None, Tensor]:
    """Steps from noise, or from the start picture with noise, to clean latents."""
    request, began = run.request, time.perf_counter()
    yield StageStarted(request.id, run.denoising, index)
    generator = noise.generator_for(request.seed + index)
    scheduler = run.new_scheduler()
    samplers.set_steps(scheduler, request.sampler, request.steps)
    latents, timesteps, region = starting_point(run, scheduler, generator, start)
    extra = _step_arguments(scheduler, generator)
    steps_after = request.hires.steps if request.hires else 0
    total = run.steps_before + math.ceil(len(timesteps) / scheduler.order) + steps_after
    for done, timestep in enumerate(timesteps, start=1):
        step_began = time.perf_counter()
        model_input = scheduler.scale_model_input(latents, timestep)
        told = {**conditioning, **run.controls.at(done - 1, len(timesteps), 2 if run.guided else 1)}
        with observer.watching() if observer else nullcontext():
            prediction = _predict(run, region.widened(model_input), float(timestep), told)
        guided = prediction.guided
        guard.check_finite(guided, "denoising")
        latents = scheduler.step(guided, timestep, latents, return_dict=False, **extra)[0]
        latents = region.restored(scheduler, latents, timesteps[done : done + 1])
        picture = None
        if show is not None:
            picture = show(preview.clean_estimate(scheduler, model_input, guided, float(timestep)))
        seconds = time.perf_counter() - step_began
        if observer is not None:
            if done == 1:
                yield observer.start(model_input)
            step = math.ceil(done / scheduler.order)
            yield observer.step(scheduler, model_input, prediction, float(timestep), step)
        yield from remarks(run)
        number = run.steps_before + math.ceil(done / scheduler.order)
        yield StepDone(request.id, number, total, seconds, index, picture)
    yield run.finished(run.denoising, began, index)
    if observer is not None:
        yield from observer.finish(latents)
    return latents


def _observer(run: Run, index: int) -> Observer:
    from backends.core.inside import Observer  # only here: it costs nothing unless asked for

    return Observer(run.request, run.stages, index, run.tokens)


def _step_arguments(scheduler: Any, generator: torch.Generator) -> dict[str, Any]:
    """Samplers that draw noise while they run go on drawing from the picture's generator.

    `eta` is 0 where a sampler has it (DDIM, TCD), as diffusers' pipelines set it.
    """
    accepts = inspect.signature(scheduler.step).parameters
    return {name: value for name, value in (("generator", generator), ("eta", 0.0)) if name in accepts}


@dataclass(frozen=True)
class Prediction:
    """What the network said: guided, and the two answers that is made from, where there are two."""

    guided: Tensor
    unconditional: Tensor | None = None
    conditional: Tensor | None = None


def _predict(
    run: Run, model_input: Tensor, timestep: float, conditioning: Mapping[str, Tensor]
) -> Prediction:
    """The network's prediction, guided away from the negative prompt (Ho and Salimans 2022)."""
    if not run.guided:
        return Prediction(run.stages.denoise(model_input, timestep, conditioning))
    both = run.stages.denoise(torch.cat([model_input] * 2), timestep, conditioning)
    unconditional, conditional = both.chunk(2)
    guided = unconditional + run.request.guidance_scale * (conditional - unconditional)
    return Prediction(guided, unconditional, conditional)


def _develop(run: Run, index: int, latents: Tensor) -> Iterator[Event]:
    """Latents -> pixels."""
    request, began = run.request, time.perf_counter()
    yield StageStarted(request.id, Stage.DEVELOPING, index)
    image = run.stages.decode(latents)
    yield from remarks(run)
    guard.check_finite(image, "developing the picture")
    pixels = pictures.to_unit(image)
    if run.inpainting is not None:
        pixels = run.inpainting.composed(pixels)
    if warning := guard.describe_dull(pixels):
        yield Notice(request.id, warning)
    yield run.finished(Stage.DEVELOPING, began, index)
    yield PictureReady(
        request.id,
        index,
        request.seed + index,
        pictures.to_picture(pixels),
        dict(run.seconds),
        {**run.stages.provenance, **run.prompts.provenance, **run.provenance},
        *run.prompts.where_chosen(index),
    )

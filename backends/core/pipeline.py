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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from backends.core import control, depth, guard, pictures, preview, samplers, vae
from backends.core.conditioning import read_prompt, resized
from backends.core.contract import (
    Event,
    Finished,
    InvalidRequest,
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
from backends.core.refining import Refining
from backends.core.relay import Relay
from backends.core.run import Run, remarks
from backends.core.shelf import Shelf
from backends.core.starting import Leg, first_leg, read_picture, read_references

if TYPE_CHECKING:
    from backends.core.inside import Observer


def generate(
    request: Request,
    stages: Stages,
    *,
    previews: bool = True,
    inside: bool = False,
    search: Iterable[Path] = (),
    relay: Relay | None = None,
) -> Generator[Event]:
    """Makes the pictures of a request. Closing the generator cancels.

    With `inside` it also tells what happens within each step (see inside.py); the pictures are the same.
    LoRAs, embeddings and wildcards that the prompt names are looked for in `search` (see shelf.py). `relay`
    has the refiner, for a request with one.
    Raises InvalidRequest, UnreadablePicture, OutOfMemory or BadPicture.
    """
    shelf = Shelf(search)
    run = Run(request, stages, Prompts(request, shelf))
    run.vae = vae.use(request, stages, shelf)
    _check(run, relay)
    run.references = yield from read_references(run)
    run.controls = control.read(request, stages, shelf)
    conditioning = yield from read_prompt(run, 0)
    start = yield from read_picture(run, shelf)
    detail = yield from second_pass(run, shelf)
    last, show = detail or run, preview.of(stages) if previews else None
    refining = Refining(last, relay, shelf) if relay and request.refiner else None
    for index in range(request.count):
        if run.prompts.differs(index):
            conditioning = yield from read_prompt(run, index)
        observer = _observer(run, index) if inside else None
        leg = yield from _denoise(run, index, conditioning, first_leg(run, index, start), show, observer)
        if detail is not None:
            larger = first_leg(detail, index, (yield from enlarge(run, detail, index, leg.latents)))
            leg = yield from _denoise(detail, index, resized(detail, conditioning), larger, show, None)
        if refining is None:
            yield from _develop(last, index, leg.latents)
        elif refining.take(index, leg):
            yield from _refine(refining, show)
    yield Finished(request.id)


def _check(run: Run, relay: Relay | None) -> None:
    """Raises what can be known before anything is made."""
    request, stages = run.request, run.stages
    stages.check_size(request.width, request.height)
    if request.hires is not None:
        stages.check_size(*request.picture_size)
    samplers.check_sampler(request.sampler, stages.facts)
    depth.check(request, stages.facts)
    run.new_scheduler()
    if request.refiner is not None:
        if relay is None:
            raise InvalidRequest(
                f"The refiner {request.refiner.model} is not here.", "Choose another, or leave it out."
            )
        relay.check(stages)


def _denoise(
    run: Run,
    index: int,
    conditioning: Mapping[str, Tensor],
    leg: Leg,
    show: preview.LinearPreview | None,
    observer: Observer | None,
) -> Generator[Event, None, Leg]:
    """Makes the steps of a leg, and gives it with the latents that come of them."""
    request, began, scheduler = run.request, time.perf_counter(), leg.scheduler
    yield StageStarted(request.id, run.denoising, index)
    extra, latents = _step_arguments(scheduler, leg.generator), leg.latents
    total = run.steps_before + math.ceil(leg.count / scheduler.order) + run.steps_after
    for done, timestep in enumerate(leg.timesteps[: leg.count], start=1):
        step_began = time.perf_counter()
        model_input = scheduler.scale_model_input(latents, timestep)
        told = {**conditioning, **run.controls.at(done - 1, len(leg.timesteps), 2 if run.guided else 1)}
        with observer.watching() if observer else nullcontext():
            prediction = _predict(run, leg.region.widened(model_input), float(timestep), told)
        guided = prediction.guided
        guard.check_finite(guided, "denoising")
        latents = scheduler.step(guided, timestep, latents, return_dict=False, **extra)[0]
        latents = leg.region.restored(scheduler, latents, leg.timesteps[done : done + 1])
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
    return replace(leg, latents=latents)


def _refine(refining: Refining, show: preview.LinearPreview | None) -> Generator[Event]:
    """The refiner's turn: it finishes what the first model has left to it."""
    try:
        run = yield from refining.begin()
        for half in refining.waiting:
            run.seconds.update(half.seconds)
            told, leg = refining.conditioning(run, half.index), refining.leg(half)
            leg = yield from _denoise(run, half.index, told, leg, show, None)
            yield from _develop(run, half.index, leg.latents)
            run.seconds.pop(Stage.OPENING_REFINER.name.lower(), None)  # it counts for the first picture
    finally:
        refining.end()


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
        run.provenance,
        *run.prompts.where_chosen(index),
    )

"""What denoising starts from: noise, or a picture's latents under noise, and the steps that are left."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from backends.core import depth, guard, hires, inpaint, noise, references, samplers
from backends.core.contract import Event, InvalidRequest, Request, Stage, StageStarted
from backends.core.run import Run
from backends.core.shelf import Shelf


@dataclass(frozen=True)
class Leg:
    """Steps of one picture that one model makes, one after another.

    `latents` is what they start from, `timesteps` those that lead to the finished picture, of which the first
    `count` are this leg's. `region` is what stays as it is.
    """

    scheduler: Any
    generator: torch.Generator
    latents: Tensor
    timesteps: Tensor
    count: int
    region: inpaint.Region


def read_picture(run: Run, shelf: Shelf) -> Generator[Event, None, hires.Start | None]:
    """The start picture's latents, or None without one."""
    request, facts, began = run.request, run.stages.facts, time.perf_counter()
    if request.init_image is None and not facts.takes_mask and not facts.takes_depth:
        return None
    yield StageStarted(request.id, Stage.READING_PICTURE)
    run.depth = depth.read(request, run.stages, shelf)
    start, run.inpainting = None, inpaint.read(request, run.stages)
    if request.init_image is not None:
        start = encoded(run, inpaint.start_pixels(request), "reading the start picture")
    yield run.finished(Stage.READING_PICTURE, began)
    return start


def read_references(run: Run) -> Generator[Event, None, Mapping[str, Tensor]]:
    if not run.request.references:
        return {}
    began = time.perf_counter()
    yield StageStarted(run.request.id, Stage.READING_PICTURE)
    found = references.read(run.request, run.stages)
    yield run.finished(Stage.READING_PICTURE, began)
    return found


def encoded(run: Run, pixels: Tensor, doing: str) -> hires.Start:
    moments = run.stages.encode_image(pixels)
    guard.check_finite(moments[0], doing)
    return hires.drawn_from(moments, run.stages.facts)


def first_leg(run: Run, index: int, start: hires.Start | None) -> Leg:
    """From the start to the finished latents, or to where a refiner takes over. Raises InvalidRequest."""
    generator, scheduler = noise.generator_for(run.request.seed + index), run.new_scheduler()
    latents, timesteps, region = _starting_point(run, scheduler, generator, start)
    count = len(timesteps)
    if run.request.refiner and run.request.hires is None:
        skipped = len(scheduler.timesteps) - count
        count = samplers.steps_until(scheduler, run.request.refiner.switch) - skipped
    return Leg(scheduler, generator, latents, timesteps, count, region)


def _starting_point(
    run: Run, scheduler: Any, generator: torch.Generator, start: hires.Start | None
) -> tuple[Tensor, Tensor, inpaint.Region]:
    """Latents before the first step, the timesteps still to make, and what stays as it is.

    With a start picture the generator first draws the sample of its latents and then the noise, and
    the first steps are skipped by `strength`, both as diffusers' image-to-image pipeline does it.
    An inpainting at full strength starts from the noise alone, as diffusers' does.
    """
    request, facts = run.request, run.stages.facts
    shape = facts.latent_shape(request.width, request.height)
    alone = start is None or (run.inpainting is not None and request.strength == 1)
    clean = None
    if start is not None and not (alone and facts.takes_mask):
        clean = start(generator)
    drawn = noise.draw(shape, generator)
    region = inpaint.region(run.inpainting, facts, clean, drawn, generator)
    if run.depth is not None:
        region = depth.ToldDepth(region, run.depth.channel(*shape[-2:]))
    if start is None:
        return drawn * scheduler.init_noise_sigma, scheduler.timesteps, region
    timesteps = _skip(request, scheduler)
    if clean is None or alone:
        return drawn * scheduler.init_noise_sigma, timesteps, region
    return scheduler.add_noise(clean, drawn, timesteps[:1]), timesteps, region


def _skip(request: Request, scheduler: Any) -> Tensor:
    """The timesteps that `strength` leaves."""
    skipped = samplers.skipped_steps(scheduler, request.steps, request.strength) * scheduler.order
    timesteps = scheduler.timesteps[skipped:]
    if len(timesteps) == 0:
        raise InvalidRequest("With this strength no step would be made.", "Use a higher strength.")
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(skipped)
    return timesteps

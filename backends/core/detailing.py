"""Hi-res fix within the loop: the run in the larger size, and what it starts from."""

from __future__ import annotations

import math
import time
from collections.abc import Generator

from torch import Tensor

from backends.core import control, guard, hires, pictures
from backends.core.contract import Event, Stage, StageProgress, StageStarted
from backends.core.enlarger import find_enlarger
from backends.core.run import Run, remarks
from backends.core.shelf import Shelf
from backends.core.starting import encoded, read_picture
from backends.core.upscale import TileDone


def second_pass(run: Run, shelf: Shelf) -> Generator[Event, None, Run | None]:
    """The run in the larger size, where one is asked for."""
    request, scheduler = run.request, run.new_scheduler()
    if request.hires is None:
        return None
    run.steps_after = request.hires.steps
    first = math.ceil(len(scheduler.timesteps) / scheduler.order)
    larger = hires.second_pass(request, request.hires, scheduler)
    way = find_enlarger(request.hires.by, shelf)
    detail = Run(
        larger,
        run.stages,
        run.prompts,
        run.seconds,
        denoising=Stage.DETAILING,
        steps_before=first,
        enlarger=way,
    )
    detail.new_scheduler()
    detail.vae = run.vae
    detail.controls = control.read(larger, run.stages, shelf)
    yield from read_picture(detail, shelf)
    return detail


def enlarge(run: Run, detail: Run, index: int, latents: Tensor) -> Generator[Event, None, hires.Start]:
    """What the second pass starts from."""
    request, began = run.request, time.perf_counter()
    yield StageStarted(request.id, Stage.ENLARGING, index)
    if detail.enlarger is None:
        shape = run.stages.facts.latent_shape(*request.picture_size)
        larger = hires.enlarged_latents(latents, shape, run.stages.facts.latent_patch)
        yield run.finished(Stage.ENLARGING, began, index)
        return lambda _: larger
    image = run.stages.decode(latents)
    yield from remarks(run)
    guard.check_finite(image, "enlarging the picture")
    enlarging = detail.enlarger(pictures.to_unit(image), request.picture_size)
    pixels = yield from _told(run, enlarging, index)
    start = encoded(detail, pixels, "enlarging the picture")
    yield run.finished(Stage.ENLARGING, began, index)
    return start


def _told(run: Run, making: Generator[TileDone, None, Tensor], index: int) -> Generator[Event, None, Tensor]:
    """What comes of it, after an event for each tile."""
    while True:
        try:
            tile = next(making)
        except StopIteration as end:
            return end.value
        yield StageProgress(run.request.id, Stage.ENLARGING, tile.done, tile.of, index)

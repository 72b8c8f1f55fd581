"""The loop: text -> latents -> picture, as a generator of events.

The caller owns progress, previews and cancelling: closing the generator stops before the next
step and skips the decode. Latents stay on the CPU in float32 between steps, so that noise, sampler
arithmetic and guidance are the same numbers on every backend.
"""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from backends import families
from backends.core import (
    chunks,
    control,
    guard,
    hires,
    inpaint,
    noise,
    pictures,
    preview,
    references,
    samplers,
)
from backends.core.contract import (
    NEGATIVE,
    DistilledFamily,
    Event,
    Finished,
    InvalidRequest,
    ModelFacts,
    Notice,
    PictureReady,
    Request,
    Stage,
    StageFinished,
    StageProgress,
    Stages,
    StageStarted,
    StepDone,
    TextRead,
)
from backends.core.enlarger import Enlarger, find_enlarger
from backends.core.prompt_reading import Prompts
from backends.core.shelf import Shelf
from backends.core.upscale import TileDone

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
    run = _Run(request, stages, Prompts(request, shelf))
    stages.check_size(request.width, request.height)
    if request.hires is not None:
        stages.check_size(*request.picture_size)
    samplers.check_sampler(request.sampler, stages.facts)
    samplers.set_steps(run.new_scheduler(), request.sampler, request.steps)
    run.references = yield from _read_references(run)
    run.controls = control.read(request, stages, shelf)
    conditioning = yield from _read_prompt(run, 0)
    start = yield from _read_picture(run)
    detail = yield from _second_pass(run, shelf)
    show = preview.of(stages) if previews else None
    for index in range(request.count):
        if run.prompts.differs(index):
            conditioning = yield from _read_prompt(run, index)
        observer = _observer(run, index) if inside else None
        latents = yield from _denoise(run, index, conditioning, start, show, observer)
        if detail is not None:
            larger = yield from _enlarge(run, detail, index, latents)
            latents = yield from _denoise(detail, index, _resized(detail, conditioning), larger, show, None)
        yield from _develop(detail or run, index, latents)
    yield Finished(request.id)


@dataclass
class _Run:
    """What the stages of one request share."""

    request: Request
    stages: Stages
    prompts: Prompts
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    tokens: Sequence[int] = ()
    references: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])
    inpainting: inpaint.Inpainting | None = None
    controls: control.Controls = field(default_factory=control.Controls)
    steps_before: int = 0
    enlarger: Enlarger | None = None

    @property
    def denoising(self) -> Stage:
        return Stage.DETAILING if self.steps_before else Stage.DENOISING

    @property
    def provenance(self) -> Mapping[str, str]:
        controls = self.controls.provenance
        return {**self.enlarger.provenance, **controls} if self.enlarger else controls

    @property
    def guided(self) -> bool:
        facts = self.stages.facts
        embedded = facts.guidance_embedding > 0
        return self.request.guidance_scale > 1 and facts.takes_guidance and not embedded

    def new_scheduler(self) -> Any:
        facts, request = self.stages.facts, self.request
        shape = facts.latent_shape(request.width, request.height)
        wanted = {**facts.scheduler_config, **self.prompts.scheduler_settings, "latent_shape": shape}
        return samplers.make_scheduler(self.request.sampler, wanted)

    def finished(self, stage: Stage, began: float, index: int = 0) -> StageFinished:
        self.seconds[stage.name.lower()] = time.perf_counter() - began
        return StageFinished(self.request.id, stage, self.seconds[stage.name.lower()], index)


def _read_prompt(run: _Run, index: int) -> Generator[Event, None, Mapping[str, Tensor]]:
    """The conditioning: the prompt's, or the negative prompt's and the prompt's as a batch of two."""
    request, text, began = run.request, run.prompts.of(index), time.perf_counter()
    yield StageStarted(request.id, Stage.READING_PROMPT)
    run.prompts.prepare(run.stages, index)
    positive = run.stages.encode_text(text.words, request.clip_skip)
    run.tokens = positive.places
    limit = run.stages.facts.token_limit
    chunked = tuple(place // limit for place in positive.places)
    yield TextRead(request.id, positive.tokens, positive.cut, positive.weights, chunked)
    yield from _text_notices(request, run.stages.facts, text.words, positive.cut)
    if advice := run.prompts.advice():
        yield Notice(request.id, advice)
    tensors = dict(positive.tensors)
    if run.guided:
        tensors = _with_negative(run, text.negative, tensors)
    tensors = _resized(run, tensors)
    if width := run.stages.facts.guidance_embedding:
        told = cast(DistilledFamily, families.named(run.stages.facts.family))
        tensors |= told.guidance_conditioning(request.guidance_scale, width)
    yield run.finished(Stage.READING_PROMPT, began)
    return tensors


def _with_negative(run: _Run, text: str, positive: dict[str, Tensor]) -> dict[str, Tensor]:
    """The negative prompt's conditioning and the prompt's as a batch, the shorter filled up."""
    request, facts = run.request, run.stages.facts
    if facts.zero_negative and not text:
        return {name: torch.cat([torch.zeros_like(tensor), tensor]) for name, tensor in positive.items()}

    def empty() -> Mapping[str, Tensor]:
        return run.stages.encode_text("", request.clip_skip).tensors

    found = run.stages.encode_text(text, request.clip_skip).tensors
    if facts.ragged_prompts:
        return {**positive, **{f"{NEGATIVE}{name}": tensor for name, tensor in found.items()}}
    negative, positive = chunks.as_long(found, positive, empty), chunks.as_long(positive, found, empty)
    return {name: torch.cat([negative[name], positive[name]]) for name in positive}


def _resized(run: _Run, conditioning: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The conditioning with what the network is told of this run's size, and of reference pictures."""
    family, batch = families.named(run.stages.facts.family), 2 if run.guided else 1
    told: Mapping[str, Tensor] = {}
    if family:
        told = family.size_conditioning(run.request.width, run.request.height)
    told = {**told, **run.references}
    sizes = {name: tensor.expand(batch, *tensor.shape[1:]) for name, tensor in told.items()}
    return {**conditioning, **sizes}


def _remarks(run: _Run) -> Iterator[Notice]:
    """What the stages have to say, where they say anything: that memory was short, and what was done."""
    take: Callable[[], Iterable[str]] = getattr(run.stages, "take_remarks", tuple)
    return (Notice(run.request.id, sentence) for sentence in take())


def _text_notices(request: Request, facts: ModelFacts, words: str, cut: tuple[str, ...]) -> Iterator[Notice]:
    if not words.strip():
        yield Notice(request.id, "The prompt is empty, so the picture is whatever the model thinks of.")
    if request.guidance_scale > 1 and not facts.takes_guidance:
        yield Notice(request.id, f"{facts.name} makes pictures without guidance, so its scale is not used.")
    if cut:
        shown = " ".join(cut[:12]) + (" ..." if len(cut) > 12 else "")
        yield Notice(request.id, f"The prompt is longer than the model reads; left out: {shown}")


def _read_picture(run: _Run) -> Generator[Event, None, hires.Start | None]:
    """The start picture's latents, or None without one."""
    request, began = run.request, time.perf_counter()
    if request.init_image is None and not run.stages.facts.takes_mask:
        return None
    yield StageStarted(request.id, Stage.READING_PICTURE)
    start, run.inpainting = None, inpaint.read(request, run.stages)
    if request.init_image is not None:
        start = _encoded(run, inpaint.start_pixels(request), "reading the start picture")
    yield run.finished(Stage.READING_PICTURE, began)
    return start


def _read_references(run: _Run) -> Generator[Event, None, Mapping[str, Tensor]]:
    if not run.request.references:
        return {}
    began = time.perf_counter()
    yield StageStarted(run.request.id, Stage.READING_PICTURE)
    found = references.read(run.request, run.stages)
    yield run.finished(Stage.READING_PICTURE, began)
    return found


def _encoded(run: _Run, pixels: Tensor, doing: str) -> hires.Start:
    moments = run.stages.encode_image(pixels)
    guard.check_finite(moments[0], doing)
    return hires.drawn_from(moments, run.stages.facts)


def _second_pass(run: _Run, shelf: Shelf) -> Generator[Event, None, _Run | None]:
    """The run in the larger size, where one is asked for."""
    request, scheduler = run.request, run.new_scheduler()
    if request.hires is None:
        return None
    samplers.set_steps(scheduler, request.sampler, request.steps)
    first = math.ceil(len(scheduler.timesteps) / scheduler.order)
    larger = hires.second_pass(request, request.hires, scheduler)
    way = find_enlarger(request.hires.by, shelf)
    detail = _Run(larger, run.stages, run.prompts, run.seconds, steps_before=first, enlarger=way)
    samplers.set_steps(detail.new_scheduler(), larger.sampler, larger.steps)
    detail.controls = control.read(larger, run.stages, shelf)
    yield from _read_picture(detail)
    return detail


def _enlarge(run: _Run, detail: _Run, index: int, latents: Tensor) -> Generator[Event, None, hires.Start]:
    """What the second pass starts from."""
    request, began = run.request, time.perf_counter()
    yield StageStarted(request.id, Stage.ENLARGING, index)
    if detail.enlarger is None:
        shape = run.stages.facts.latent_shape(*request.picture_size)
        larger = hires.enlarged_latents(latents, shape, run.stages.facts.latent_patch)
        yield run.finished(Stage.ENLARGING, began, index)
        return lambda _: larger
    image = run.stages.decode(latents)
    yield from _remarks(run)
    guard.check_finite(image, "enlarging the picture")
    enlarging = detail.enlarger(pictures.to_unit(image), request.picture_size)
    pixels = yield from _told(run, enlarging, index)
    start = _encoded(detail, pixels, "enlarging the picture")
    yield run.finished(Stage.ENLARGING, began, index)
    return start


def _told(run: _Run, making: Generator[TileDone, None, Tensor], index: int) -> Generator[Event, None, Tensor]:
    """What comes of it, after an event for each tile."""
    while True:
        try:
            tile = next(making)
        except StopIteration as end:
            return end.value
        yield StageProgress(run.request.id, Stage.ENLARGING, tile.done, tile.of, index)


def _denoise(
    run: _Run,
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
    latents, timesteps, region = _starting_point(run, scheduler, generator, start)
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
        yield from _remarks(run)
        number = run.steps_before + math.ceil(done / scheduler.order)
        yield StepDone(request.id, number, total, seconds, index, picture)
    yield run.finished(run.denoising, began, index)
    if observer is not None:
        yield from observer.finish(latents)
    return latents


def _observer(run: _Run, index: int) -> Observer:
    from backends.core.inside import Observer  # only here: it costs nothing unless asked for

    return Observer(run.request, run.stages, index, run.tokens)


def _starting_point(
    run: _Run, scheduler: Any, generator: torch.Generator, start: hires.Start | None
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
    run: _Run, model_input: Tensor, timestep: float, conditioning: Mapping[str, Tensor]
) -> Prediction:
    """The network's prediction, guided away from the negative prompt (Ho and Salimans 2022)."""
    if not run.guided:
        return Prediction(run.stages.denoise(model_input, timestep, conditioning))
    both = run.stages.denoise(torch.cat([model_input] * 2), timestep, conditioning)
    unconditional, conditional = both.chunk(2)
    guided = unconditional + run.request.guidance_scale * (conditional - unconditional)
    return Prediction(guided, unconditional, conditional)


def _develop(run: _Run, index: int, latents: Tensor) -> Iterator[Event]:
    """Latents -> pixels."""
    request, began = run.request, time.perf_counter()
    yield StageStarted(request.id, Stage.DEVELOPING, index)
    image = run.stages.decode(latents)
    yield from _remarks(run)
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

"""What the denoiser is told: the prompt, the negative prompt, the size, and reference pictures."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from typing import cast

import torch
from torch import Tensor

from backends import families
from backends.core import chunks
from backends.core.contract import (
    NEGATIVE,
    Conditioning,
    DistilledFamily,
    Event,
    ModelFacts,
    Notice,
    Request,
    Stage,
    StageStarted,
    TextRead,
)
from backends.core.run import Run


def read_prompt(run: Run, index: int) -> Generator[Event, None, Mapping[str, Tensor]]:
    """The conditioning: the prompt's, or the negative prompt's and the prompt's as a batch of two."""
    request, text, began = run.request, run.prompts.of(index), time.perf_counter()
    yield StageStarted(request.id, Stage.READING_PROMPT)
    positive, tensors = encode(run, index)
    run.tokens = positive.places
    limit = run.stages.facts.token_limit
    chunked = tuple(place // limit for place in positive.places)
    yield TextRead(request.id, positive.tokens, positive.cut, positive.weights, chunked)
    yield from _text_notices(request, run.stages.facts, text.words, positive.cut)
    yield from (Notice(request.id, told) for told in run.prompts.advice(run.stages.facts))
    yield run.finished(Stage.READING_PROMPT, began)
    return tensors


def encode(run: Run, index: int) -> tuple[Conditioning, dict[str, Tensor]]:
    """The prompt as it is read, and all that the denoiser is told."""
    request, text = run.request, run.prompts.of(index)
    run.prompts.prepare(run.stages, index)
    positive = run.stages.encode_text(text.words, request.clip_skip)
    tensors = dict(positive.tensors)
    if run.guided:
        tensors = _with_negative(run, text.negative, tensors)
    tensors = resized(run, tensors)
    if width := run.stages.facts.guidance_embedding:
        told = cast(DistilledFamily, families.named(run.stages.facts.family))
        tensors |= told.guidance_conditioning(request.guidance_scale, width)
    return positive, tensors


def _with_negative(run: Run, text: str, positive: dict[str, Tensor]) -> dict[str, Tensor]:
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


def resized(run: Run, conditioning: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The conditioning with what the network is told of this run's size, and of reference pictures."""
    family, batch = families.named(run.stages.facts.family), 2 if run.guided else 1
    told: Mapping[str, Tensor] = {}
    if family:
        told = family.size_conditioning(run.request.width, run.request.height)
    told = {**told, **run.references}
    return {**conditioning, **{name: _of_batch(tensor, batch) for name, tensor in told.items()}}


def _of_batch(tensor: Tensor, batch: int) -> Tensor:
    """For the prompt alone, or for the negative prompt and the prompt; where it has two, they differ."""
    return tensor if len(tensor) == batch else tensor[-1:].expand(batch, *tensor.shape[1:])


def _text_notices(request: Request, facts: ModelFacts, words: str, cut: tuple[str, ...]) -> Iterator[Notice]:
    if not words.strip():
        yield Notice(request.id, "The prompt is empty, so the picture is whatever the model thinks of.")
    if request.guidance_scale > 1 and not facts.takes_guidance:
        yield Notice(request.id, f"{facts.name} makes pictures without guidance, so its scale is not used.")
    if facts.refines and request.init_image is None and request.refiner is None:
        sentence = f"{facts.name} is a refiner, made for a start picture or another model's last steps."
        yield Notice(request.id, sentence)
    if cut:
        shown = " ".join(cut[:12]) + (" ..." if len(cut) > 12 else "")
        yield Notice(request.id, f"The prompt is longer than the model reads; left out: {shown}")

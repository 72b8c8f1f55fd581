"""What the stages of one request share: the request, the networks, and what was read of it so far."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from backends.core import control, inpaint, samplers
from backends.core.contract import Notice, Request, Stage, StageFinished, Stages
from backends.core.enlarger import Enlarger
from backends.core.prompt_reading import Prompts


@dataclass
class Run:
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


def remarks(run: Run) -> Iterator[Notice]:
    """What the stages have to say, where they say anything: that memory was short, and what was done."""
    take: Callable[[], Iterable[str]] = getattr(run.stages, "take_remarks", tuple)
    return (Notice(run.request.id, sentence) for sentence in take())

"""What the stages of one request share: the request, the networks, and what was read of it so far."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from backends.core import control, depth, inpaint, samplers
from backends.core.contract import ModelFacts, Notice, Request, Stage, StageFinished, Stages
from backends.core.enlarger import Enlarger
from backends.core.prompt_reading import Prompts


@dataclass
class Run:
    """What the stages of one request share.

    `steps_before` and `steps_after` are steps of other runs for the same picture. `follows`: the run that
    began the picture, where this one only finishes it.
    """

    request: Request
    stages: Stages
    prompts: Prompts
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    tokens: Sequence[int] = ()
    references: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])
    inpainting: inpaint.Inpainting | None = None
    depth: depth.Depth | None = None
    controls: control.Controls = field(default_factory=control.Controls)
    vae: Mapping[str, str] = field(default_factory=dict[str, str])
    denoising: Stage = Stage.DENOISING
    steps_before: int = 0
    steps_after: int = 0
    enlarger: Enlarger | None = None
    follows: Run | None = None

    @property
    def provenance(self) -> Mapping[str, str]:
        """Everything that had a part in the picture, for its record."""
        if self.follows is not None:
            made = self.stages.provenance
            return {**self.follows.provenance, "refiner": f"{made['model']}: {made['model_hash']}"}
        own = {**self.enlarger.provenance} if self.enlarger else {}
        own |= self.vae
        own |= self.depth.provenance if self.depth else {}
        return {**self.stages.provenance, **self.prompts.provenance, **own, **self.controls.provenance}

    @property
    def guided(self) -> bool:
        facts = self.stages.facts
        embedded = facts.guidance_embedding > 0
        return self.request.guidance_scale > 1 and facts.takes_guidance and not embedded

    def new_scheduler(self) -> Any:
        """A fresh one, with its timesteps. Raises InvalidRequest when it can't make that many steps."""
        return scheduler_for(self.request, self.stages.facts, self.prompts)

    def finished(self, stage: Stage, began: float, index: int = 0) -> StageFinished:
        self.seconds[stage.name.lower()] = time.perf_counter() - began
        return StageFinished(self.request.id, stage, self.seconds[stage.name.lower()], index)


def scheduler_for(request: Request, facts: ModelFacts, prompts: Prompts) -> Any:
    """A request's sampler for a model, with its timesteps. Raises InvalidRequest."""
    shape = facts.latent_shape(request.width, request.height)
    wanted = {**facts.scheduler_config, **prompts.scheduler_settings(facts), "latent_shape": shape}
    scheduler = samplers.make_scheduler(request.sampler, wanted)
    samplers.set_steps(scheduler, request.sampler, request.steps)
    return scheduler


def remarks(run: Run) -> Iterator[Notice]:
    """What the stages have to say, where they say anything: that memory was short, and what was done."""
    take: Callable[[], Iterable[str]] = getattr(run.stages, "take_remarks", tuple)
    return (Notice(run.request.id, sentence) for sentence in take())

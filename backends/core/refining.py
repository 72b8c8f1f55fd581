"""The refiner within the loop: what the first model leaves to it, and its run."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from backends.core import samplers, vae
from backends.core.conditioning import encode
from backends.core.contract import Event, InvalidRequest, Stage, StageStarted
from backends.core.prompt_reading import Prompts, RefinersPrompts
from backends.core.relay import Relay
from backends.core.run import Run, scheduler_for
from backends.core.shelf import Shelf
from backends.core.starting import Leg


@dataclass(frozen=True)
class Half:
    """A picture that the first model has left: `leg` has its latents."""

    index: int
    leg: Leg
    seconds: Mapping[str, float]


class Refining:
    """The second part of a request's pictures. `before` is the first model's last run.

    Raises InvalidRequest when either model would have no step to make.
    """

    def __init__(self, before: Run, relay: Relay, shelf: Shelf) -> None:
        assert before.request.refiner is not None
        self._before, self._relay, self._shelf = before, relay, shelf
        self._switch = before.request.refiner.switch
        self._told: tuple[int, Mapping[str, Tensor]] | None = None
        self.waiting: list[Half] = []
        samplers.check_sampler(before.request.sampler, relay.facts)
        kind = RefinersPrompts if relay.facts.refines else Prompts
        self._prompts = kind(before.request, shelf)
        self._steps_before = before.steps_before + _own_steps(before, self._switch)
        before.steps_after = self._steps()
        size = before.request.width, before.request.height
        relay.begin(size, 2 if before.guided else 1)

    def take(self, index: int, leg: Leg) -> bool:
        """Takes a picture as the first model has left it. Whether it is the second's turn now."""
        self.waiting.append(Half(index, leg, dict(self._before.seconds)))
        most = self._relay.pictures_at_once(self._before.stages)
        return len(self.waiting) >= most or index + 1 == self._before.request.count

    def begin(self) -> Generator[Event, None, Run]:
        """Opens the refiner where it is not at hand, and gives its run."""
        before, began, opened = self._before, time.perf_counter(), self._relay.is_at_hand
        if not opened:
            yield StageStarted(before.request.id, Stage.OPENING_REFINER, self.waiting[0].index)
        stages = self._relay.take_over(before.stages)
        vae.use(before.request, stages, self._shelf)
        if not opened:
            yield before.finished(Stage.OPENING_REFINER, began, self.waiting[0].index)
        return Run(
            before.request,
            stages,
            self._prompts,
            before.seconds,
            inpainting=before.inpainting,
            denoising=Stage.REFINING,
            steps_before=self._steps_before,
            follows=before,
        )

    def end(self) -> None:
        """The first model's turn again."""
        self.waiting.clear()
        self._relay.give_back()

    def conditioning(self, run: Run, index: int) -> Mapping[str, Tensor]:
        """What the refiner is told for this picture."""
        if self._told is None or run.prompts.of(self._told[0]) != run.prompts.of(index):
            self._told = index, encode(run, index)[1]
        return self._told[1]

    def leg(self, half: Half) -> Leg:
        """The last steps: with a fresh scheduler, as in diffusers, and the picture's own generator."""
        scheduler, left = self._scheduler()
        return replace(half.leg, scheduler=scheduler, timesteps=left, count=len(left))

    def _scheduler(self) -> tuple[Any, Tensor]:
        """A fresh one, where the refiner takes over, and the timesteps that are left to it."""
        scheduler = scheduler_for(self._before.request, self._relay.facts, self._before.prompts)
        begun = samplers.steps_until(scheduler, self._switch)
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(begun)
        return scheduler, scheduler.timesteps[begun:]

    def _steps(self) -> int:
        """How many steps it makes. Raises InvalidRequest where that is none."""
        scheduler, left = self._scheduler()
        if len(left) == 0:
            raise InvalidRequest(
                f"The refiner would take over at {self._switch:g}, after the last step.",
                "Let it take over earlier, or use more steps.",
            )
        return math.ceil(len(left) / scheduler.order)


def _own_steps(run: Run, switch: float) -> int:
    """How many steps the first model makes. Raises InvalidRequest where that is none."""
    request, scheduler = run.request, run.new_scheduler()
    own = samplers.steps_until(scheduler, switch) // scheduler.order
    if request.init_image is not None or run.denoising is Stage.DETAILING:
        own -= samplers.skipped_steps(scheduler, request.steps, request.strength)
    if own < 1:
        raise InvalidRequest(
            f"The refiner would take over at {switch:g}, before the first step.",
            "Let it take over later, or use a higher strength.",
        )
    return own

"""`mezzotint generate`: makes the pictures in this process and saves each as soon as it is done."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from backends.core.contract import (
    EACH_PICTURES,
    START_DEPTH,
    Backend,
    Event,
    MezzotintError,
    Notice,
    PictureReady,
    Stage,
    Stages,
    StageStarted,
    StepDone,
)
from desktop.cli.clock import seconds_since_start
from desktop.cli.generate_options import GenerateOptions
from desktop.cli.plan import AUTO, Plan, make_plan
from desktop.cli.show import (
    HumanOutput,
    JsonOutput,
    Output,
    PathOutput,
    Progress,
    Saved,
    choose_progress,
    say,
)
from desktop.cli.stop import INTERRUPTED, Stop
from desktop.library.keeping import Keeper
from desktop.library.pictures import encode_picture
from desktop.library.record import Record, describe

if TYPE_CHECKING:
    from backends.core.relay import Relay

_FULL_HASH = 64
_LATER = (Stage.DETAILING, Stage.REFINING)
"""Stages of steps that follow others."""


def run(options: GenerateOptions, stop: Stop) -> int:
    """Makes what the options ask for. Returns the exit code; raises a MezzotintError."""
    work = None
    try:
        with (
            choose_progress(wanted=not (options.json or options.quiet)) as progress,
            contextlib.closing(Keeper(progress.note)) as keeper,
        ):
            work = Making(make_plan(options), progress, choose_output(options), stop, keeper)
            work.run()
    except KeyboardInterrupt:
        say(f"Stopped; pictures saved before that: {len(work.saved) if work else 0}.")
        return INTERRUPTED
    return 0


def choose_output(options: GenerateOptions) -> Output:
    if options.json:
        return JsonOutput()
    return PathOutput() if options.quiet else HumanOutput()


@dataclass
class Making:
    """One run of the command: the plan, and what has come of it so far."""

    plan: Plan
    progress: Progress
    output: Output
    stop: Stop
    keeper: Keeper
    saved: list[Saved] = field(default_factory=list[Saved])
    denoising: Stage = Stage.DENOISING
    start_seconds: dict[str, float] = field(default_factory=dict[str, float])

    def run(self) -> None:
        for note in self.plan.notes:
            self.progress.note(note)
        with self.opened() as (stages, relay):
            self.make(stages, relay)

    @contextlib.contextmanager
    def opened(self) -> Iterator[tuple[Stages, Relay | None]]:
        """The plan's model on the plan's backend, and what opens its refiner when it is needed."""
        backend = self._choose_backend()
        self.progress.stage("Importing")
        from backends.core import torch_stages

        torch_stages.import_classes()  # so that its time counts as importing, not as opening
        self.stop.check()
        self.start_seconds["importing"] = seconds_since_start()
        with contextlib.ExitStack() as end:
            stages, relay = end.enter_context(contextlib.closing(self._open(backend))), None
            if self.plan.refiner_folder is not None:
                from backends.core.relay import Relay

                relay = Relay(backend, self.plan.refiner_folder, self.plan.backend_options)
                end.enter_context(contextlib.closing(relay))
            yield stages, relay

    def make(self, stages: Stages, relay: Relay | None = None) -> None:
        """Makes the plan's pictures and saves each as soon as it is done."""
        from backends.core.pipeline import generate

        self.keeper.remember(self.plan.request)
        plan = self.plan
        events = generate(plan.request, stages, previews=False, search=plan.search, relay=relay)
        with contextlib.closing(events):
            for event in events:
                self._handle(event)

    def _choose_backend(self) -> Backend:
        """The one asked for, else the one that made the picture to repeat, else the best."""
        from backends.core.registry import get_backend

        recorded = self.plan.like.provenance.get("backend") if self.plan.like else None
        if self.plan.backend != AUTO or recorded is None:
            return get_backend(self.plan.backend, self.plan.model_folder)
        try:
            return get_backend(recorded)
        except MezzotintError:
            self.progress.note(
                f"The backend {recorded} can't run here; on another the picture may differ a little."
            )
            return get_backend(AUTO, self.plan.model_folder)

    def _open(self, backend: Backend) -> Stages:
        self.progress.stage(Stage.LOADING.value)
        began = time.perf_counter()
        self._prepare(backend)
        stages = backend.open(self.plan.model_folder, self.plan.backend_options)
        self.stop.check()
        self.start_seconds["opening"] = time.perf_counter() - began
        self._compare_model(stages)
        return stages

    def _prepare(self, backend: Backend) -> None:
        """Where a backend gets models ready for a machine first, says so while it does."""
        said, prepare = "", getattr(backend, "prepare", None)
        for at in prepare(self.plan.model_folder, self.plan.backend_options) if prepare else ():
            self.stop.check()
            if at.words != said:
                usual = f" (usually about {at.typical:.0f} s altogether)" if at.typical else ""
                self.progress.stage(f"{at.words}{usual}")
            said = at.words

    def _compare_model(self, stages: Stages) -> None:
        recorded = self.plan.like.provenance.get("model_hash", "") if self.plan.like else ""
        if len(recorded) == _FULL_HASH and stages.provenance.get("model_hash") != recorded:
            self.progress.note("That picture was made with other weights, so this one will differ.")

    def _compare_additions(self, ready: PictureReady) -> None:
        recorded = self.plan.like.provenance.get("additions") if self.plan.like else None
        if recorded is not None and ready.provenance.get("additions", "") != recorded:
            self.progress.note(
                "That picture was made with other LoRAs or embeddings, so this one will differ."
            )
        upscaler = self.plan.like.provenance.get("upscaler") if self.plan.like else None
        if upscaler and ready.provenance.get("upscaler", upscaler) != upscaler:
            self.progress.note("That picture was enlarged by another upscaler, so this one will differ.")
        depth = self.plan.like.provenance.get(START_DEPTH) if self.plan.like else None
        if depth and ready.provenance.get(START_DEPTH, depth) != depth:
            self.progress.note("That picture's depth was found otherwise, so this one will differ.")
        refiner = _digest(self.plan.like) if self.plan.like else ""
        if refiner and not ready.provenance.get("refiner", refiner).endswith(refiner):
            self.progress.note("That picture was finished by another refiner, so this one will differ.")

    def _handle(self, event: Event) -> None:
        match event:
            case StageStarted(stage=stage, picture_index=index):
                self.denoising = stage if stage in _LATER else Stage.DENOISING
                self.progress.stage(self._words(stage, index))
            case StepDone(step=step, steps=steps, picture_index=index):
                self.progress.step(self._words(self.denoising, index), step, steps)
            case Notice(message=message):
                self.progress.note(message)
            case PictureReady():
                self._compare_additions(event)
                self._save(event)
            case _:
                pass

    def _words(self, stage: Stage, index: int) -> str:
        of_many = stage in EACH_PICTURES and self.plan.request.count > 1
        return f"{stage.value} {index + 1} of {self.plan.request.count}" if of_many else stage.value

    def _save(self, ready: PictureReady) -> None:
        """Once this returns the picture and its row are durable, and announced."""
        began = time.perf_counter()
        created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        plan = self.plan
        told = plan.references, plan.controls, plan.depth_map
        record = describe(plan.request, ready, plan.init, created, *told)
        data = encode_picture(ready.picture, record)
        path = self.plan.destination.save(data, self.plan.request, ready.picture_index)
        digest = hashlib.sha256(data).hexdigest()
        self.keeper.keep(path, digest, len(data), record)
        seconds = {**self._making_seconds(ready), "saving": time.perf_counter() - began}
        self.saved.append(Saved(path=path, sha256=digest, record=record, seconds=seconds))
        with self.progress.aside():
            self.output.picture(self.saved[-1])

    def _making_seconds(self, ready: PictureReady) -> dict[str, float]:
        """What was done once counts for the first picture."""
        if ready.picture_index == 0:
            return {**self.start_seconds, **ready.stage_seconds}
        own = [stage.name.lower() for stage in EACH_PICTURES]
        return {name: seconds for name, seconds in ready.stage_seconds.items() if name in own}


def _digest(record: Record) -> str:
    """The SHA-256 of the refiner's weights, where a record tells it."""
    digest = record.provenance.get("refiner", "").rpartition(": ")[2]
    return digest if len(digest) == _FULL_HASH else ""

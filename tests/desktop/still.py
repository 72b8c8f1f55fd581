"""A bench that takes jobs and never does them, and a ledger that says what it was told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from backends.core.contract import Defaults, Job
from desktop.model.extending import Sized
from desktop.model.form import ModelChoice
from desktop.model.guides import Guide
from desktop.model.start import StartPicture
from desktop.model.studio import Made

SMALL = Defaults(width=64, height=64, steps=5, guidance_scale=5.0, sampler="euler")
MODELS = (ModelChoice(name="small", title="Small", folder=Path("a"), defaults=SMALL),)

Size = tuple[int, int]


class StillBench:
    """Remembers what it was asked for."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.cancelled: list[str] = []
        self.ended = 0
        self.kept: list[Made] = []
        self.prepared: list[tuple[Guide, Size, Callable[..., None], Callable[..., None]]] = []
        self.weighings: list[tuple[Sized, Callable[..., None]]] = []
        self.looks: list[tuple[StartPicture, Callable[..., None], Callable[..., None]]] = []

    def submit(self, job: Job) -> None:
        self.jobs.append(job)

    def cancel(self, request_id: str) -> None:
        self.cancelled.append(request_id)

    def end_worker(self) -> None:
        self.ended += 1

    def keep(self, made: Made) -> None:
        self.kept.append(made)

    def weigh(self, picture: Sized, then: Callable[..., None]) -> None:
        self.weighings.append((picture, then))

    def look(self, picture: StartPicture, then: Callable[..., None], failed: Callable[..., None]) -> None:
        self.looks.append((picture, then, failed))

    def look_prepared(
        self, guide: Guide, size: Size, then: Callable[..., None], failed: Callable[..., None]
    ) -> None:
        self.prepared.append((guide, size, then, failed))


class ToldLedger:
    """What it was told, in order: a word and its arguments."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []

    def words(self) -> list[str]:
        return [word for word, _ in self.told]

    def add(self, entry: Any, *, first: bool) -> None:
        self.told.append(("add", first))

    def begin(self, entry_id: str) -> None:
        self.told.append(("begin", entry_id))

    def count_done(self, entry_id: str, done: int) -> None:
        self.told.append(("done", done))

    def fail(self, entry_id: str, error: Exception) -> None:
        self.told.append(("fail", str(error)))

    def replace(self, entry_id: str, entry: Any) -> None:
        self.told.append(("replace", (entry_id, entry.id)))

    def remove(self, entry_ids: list[str]) -> None:
        self.told.append(("remove", entry_ids))

    def order(self, entry_ids: list[str]) -> None:
        self.told.append(("order", entry_ids))

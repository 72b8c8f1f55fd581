"""What stands for Core ML's compiler in tests of how it is watched. Imports little: children import it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from multiprocessing.connection import Connection
from pathlib import Path

from backends.core import coreml_folder, coreml_prepare
from backends.core.contract.preparing import Preparation
from backends.core.coreml_prepare import Task
from backends.core.worker import PipelineEngine


def ready(task: Task) -> None:
    task.target.mkdir(parents=True)


def hang(task: Task) -> None:
    time.sleep(60)


def fail(task: Task) -> None:
    raise RuntimeError("Unable to\nload model")


def prepare_here(folder: Path, told: Connection) -> None:
    """For a process that is a daemon, as the worker is: says whether all is ready, or what went wrong."""
    model = coreml_folder.open_converted(folder)
    try:
        list(coreml_prepare.prepare(model, "gpu", ready))
        told.send(all(task.target.is_dir() for task in coreml_prepare.tasks_for(model, "gpu")))
    except Exception as error:  # noqa: BLE001 - the test shall say it
        told.send(repr(error))


class NeverReady(PipelineEngine):
    """The real engine, on a machine that never gets a model ready."""

    def __init__(self) -> None:
        super().__init__()
        import backends.coreml

        def prepare(model_folder: Path, options: Mapping[str, str]) -> Iterator[Preparation]:
            return coreml_prepare.prepare(coreml_folder.open_converted(model_folder), "neural-engine", hang)

        backends.coreml.BACKEND.prepare = prepare

    def warm_up(self) -> None:
        """Nothing: making ready needs no torch."""

"""What stands for Core ML's compiler in tests of how it is watched. Imports little: children import it."""

from __future__ import annotations

import time

from backends.core.coreml_prepare import Task


def ready(task: Task) -> None:
    task.target.mkdir(parents=True)


def hang(task: Task) -> None:
    time.sleep(60)


def fail(task: Task) -> None:
    raise RuntimeError("Unable to\nload model")

"""Gets a converted model ready for this machine: compiled once a system and a model, in a process of its own.

Core ML compiles a package when it is loaded, and the system then fits it to the Neural Engine, which takes
minutes, says nothing meanwhile and has been seen to hang. In a process of its own it can be watched and
stopped. The compiled networks are kept by the system's build and the model's hash: after an update of macOS
they are made again. Compiling needs a Mac; watching, stopping and keeping are tested anywhere.
"""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import platform
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, cast

from backends.core.contract import BackendUnavailable, BrokenModel
from backends.core.contract.preparing import PLACES, Preparation
from backends.core.coreml_folder import ConvertedModel
from backends.core.coreml_runtime import UNITS

LONGEST_SECONDS: Final = 1200.0
"""One package that is not ready after so long is taken to hang."""
_POLL_SECONDS: Final = 0.25
_SECONDS_A_GIGABYTE: Final = {"neural-engine": 90.0, "gpu": 5.0, "all": 90.0}
"""Until it was timed here. Apple: SD 1.5's UNet of 1.7 GB takes 2 to 3 minutes for the Neural Engine, and a
few seconds for the GPU (ml-stable-diffusion's README, question 5; its issue 203)."""
_LEAST_TYPICAL: Final = 5.0
_QUICKEST: Final = ("text_encoder", "text_encoder_2", "vae_decoder", "vae_encoder", "unet")


@dataclass(frozen=True)
class Task:
    """One function of one package, to be compiled into `target` and loaded once on `units`."""

    package: Path
    function: str | None
    target: Path
    units: str


Work = Callable[[Task], None]


def prepare(
    model: ConvertedModel, units: str, work: Work | None = None, longest: float = LONGEST_SECONDS
) -> Iterator[Preparation]:
    """Where it is, a few times a second; nothing when all is ready.

    Closing the iterator ends the process that is at it. Raises BackendUnavailable when one hangs or can't be
    made ready.
    """
    tasks = tasks_for(model, units)
    ready = cache_folder(model) / f"{units}.json"
    if ready.is_file() and all(task.target.is_dir() for task in tasks):
        return
    _drop_other_builds(model)
    began, typical = time.monotonic(), typical_seconds(model, units)
    for each in _watch(tasks, units, work or load_once, longest):
        yield replace(each, seconds=time.monotonic() - began, typical=typical)
    ready.parent.mkdir(parents=True, exist_ok=True)
    for file in (ready, _times(model, units)):
        file.write_text(json.dumps({"seconds": round(time.monotonic() - began, 1)}))


def typical_seconds(model: ConvertedModel, units: str) -> float:
    """What preparing this model took here the last time, whatever the system was then; else by its size."""
    try:
        return float(json.loads(_times(model, units).read_text())["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return max(_LEAST_TYPICAL, model.bytes / 10**9 * _SECONDS_A_GIGABYTE[units])


def forget(model: ConvertedModel) -> None:
    """Removes what was compiled for a model, as when the model itself goes."""
    shutil.rmtree(cache_folder(model).parent, ignore_errors=True)


def compiled(model: ConvertedModel, package: Path) -> Path:
    """A package's .mlmodelc, made now where it is not there yet."""
    target = cache_folder(model) / f"{package.stem}.mlmodelc"
    if not target.is_dir():
        _compile(package, target)
    return target


def tasks_for(model: ConvertedModel, units: str) -> list[Task]:
    """What is to be made ready, the quickest first."""
    found: dict[Task, None] = {}
    for network in sorted(model.packages, key=_QUICKEST.index):
        for size in model.sizes:
            for package in model.paths(network):
                target = cache_folder(model) / f"{package.stem}.mlmodelc"
                found[Task(package, model.function(network, size), target, units)] = None
    return list(found)


def cache_folder(model: ConvertedModel) -> Path:
    """Where this model's compiled networks are kept, for this build of the system."""
    return _cache() / model.packages_hash[:32] / system_build()


def system_build() -> str:
    """The system's build, such as 24G84: compiled networks are good for one only."""
    if sys.platform != "darwin":
        return platform.release()
    said = subprocess.run(["/usr/bin/sw_vers", "-buildVersion"], capture_output=True, text=True, check=False)
    return said.stdout.strip() or platform.mac_ver()[0]


def load_once(task: Task) -> None:
    """Compiles a package and loads it, so that the system fits it to its units. Untested on a Mac."""
    tools: Any = importlib.import_module("coremltools")
    if not task.target.is_dir():
        _compile(task.package, task.target)
    tools.models.CompiledMLModel(str(task.target), tools.ComputeUnit[UNITS[task.units]], task.function)


def _compile(package: Path, target: Path) -> None:
    utils: Any = importlib.import_module("coremltools.models.utils")
    target.parent.mkdir(parents=True, exist_ok=True)
    making = target.with_name(f".{target.stem}.{os.getpid()}.mlmodelc")
    shutil.rmtree(making, ignore_errors=True)
    utils.compile_model(str(package), str(making))
    making.rename(target)


def _watch(tasks: list[Task], units: str, work: Work, longest: float) -> Iterator[Preparation]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    # The worker is a daemon, which multiprocessing lets have no children; this one ends with its parent.
    multiprocessing.current_process().daemon = False
    process = context.Process(target=_run, args=(tasks, work, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        for number, task in enumerate(tasks, start=1):
            at = Preparation(place=units, part=task.package.stem, number=number, of=len(tasks), seconds=0.0)
            yield from _wait_for(task, at, ours, longest)
    finally:
        process.kill()
        process.join()
        ours.close()


def _wait_for(task: Task, at: Preparation, ours: Any, longest: float) -> Iterator[Preparation]:
    began, place = time.monotonic(), PLACES[at.place]
    while not ours.poll(_POLL_SECONDS):
        if time.monotonic() - began > longest:
            raise BackendUnavailable(
                f"The system did not get {task.package.stem} ready for {place} "
                f"in {longest / 60:.0f} minutes.",
                "Choose other compute units in Settings, or convert the model for the GPU: --for gpu.",
            )
        yield at
    problem = _answer(ours)
    if problem is not None:
        raise BrokenModel(
            f"{task.package.name} can't be made ready for {place} ({problem}).",
            "Choose other compute units, or convert the model again.",
        )


def _answer(ours: Any) -> str | None:
    try:
        return cast("str | None", ours.recv())
    except EOFError:
        return "the process that did it ended"


def _run(tasks: list[Task], work: Work, theirs: Connection) -> None:
    """The child's whole life: a None for each task that is done, or a sentence for one that failed."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for task in tasks:
        try:
            work(task)
        except Exception as error:  # noqa: BLE001 - coremltools raises RuntimeError and plain Exception
            theirs.send(" ".join(str(error).split())[:200] or type(error).__name__)
            return
        theirs.send(None)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(0)


def _drop_other_builds(model: ConvertedModel) -> None:
    """What was compiled for a system before an update is of no use."""
    kept = cache_folder(model)
    for folder in kept.parent.glob("*"):
        if folder != kept and folder.is_dir():
            shutil.rmtree(folder, ignore_errors=True)


def _times(model: ConvertedModel, units: str) -> Path:
    """Beside the builds' folders, as it outlives them."""
    return cache_folder(model).parent / f"{units}.json"


def _cache() -> Path:
    if home := os.environ.get("MEZZOTINT_HOME"):
        return Path(home) / "cache" / "coreml"
    import platformdirs

    return Path(platformdirs.user_cache_dir("mezzotint", appauthor=False)) / "coreml"

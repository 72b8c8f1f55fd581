"""`mezzotint bench`: how fast this machine makes pictures, and in how much memory, as a table or as JSON.

Each backend is measured in a process of its own. What can't be measured here is left blank, with the
reason below the table. Seconds a step are for one run of the network; guidance runs it twice.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from backends.core.contract import Backend, InvalidRequest, MezzotintError
from backends.core.memory import in_words
from backends.core.model_folder import open_folder
from backends.core.shelf import Shelf
from desktop.cli.bench_child import DIFFUSERS, Loras, Measured, Task, in_child, measure, pairs
from desktop.cli.bench_model import NAME, make_full_size
from desktop.cli.fit_options import BenchOptions
from desktop.cli.lora_options import loras_asked_for
from desktop.cli.show import say
from desktop.library.additions import search_folders
from desktop.library.models import STARTER, find_model

_CPU = "cpu_offload"
_LIBRARIES = ("torch", "diffusers", "transformers", "coremltools", "bitsandbytes")


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, or why it was not."""

    model: str
    runner: str
    width: int
    height: int
    measured: Measured


@dataclass
class Report:
    """Everything that one run of the command found."""

    rows: list[Row] = field(default_factory=list[Row])
    pairs: dict[str, list[tuple[float, float]]] = field(default_factory=dict[str, list[tuple[float, float]]])


def run(options: BenchOptions) -> int:
    """Measures and prints. Returns 0 when anything could be measured."""
    backends = _backends(options.backend)
    report, loras = Report(), _loras(options)
    with tempfile.TemporaryDirectory(prefix="mezzotint-bench-") as scratch:
        for name, folder in _models(options, Path(scratch)):
            for row in _rows(name, folder, backends, options, loras):
                report.rows.append(row)
            if options.compare:
                _compare(name, folder, options, report)
    print(json.dumps(_as_plain(report, options))) if options.json else _print(report)
    return 0 if any(row.measured.problem is None for row in report.rows) else 1


def _models(options: BenchOptions, scratch: Path) -> Iterator[tuple[str, Path]]:
    """The model asked for, or the starter; then the one made here, when it is asked for."""
    if options.model or not options.full:
        yield options.model or STARTER, find_model(options.model or STARTER).folder
    if options.full:
        say(f"Writing a model of {NAME} (4.3 GB) ...")
        yield NAME, make_full_size(scratch / "sd15")


def _backends(wanted: str | None) -> list[Backend]:
    from backends.core.registry import all_backends

    found = [backend for backend in all_backends() if wanted in (None, backend.capabilities.id)]
    if not found:
        raise InvalidRequest(f"There is no backend called {wanted!r}.", "`mezzotint doctor` lists them.")
    return found


def _loras(options: BenchOptions) -> Loras:
    """The files of the LoRAs asked for. Raises InvalidRequest."""
    if options.lora and options.compare:
        raise InvalidRequest("diffusers is measured without LoRAs.", "Leave out --compare or --lora.")
    tags, files = loras_asked_for(options.lora)
    shelf = Shelf((*search_folders(), *files))
    return tuple((shelf.lora(tag.name), tag.weight) for tag in tags)


def _rows(
    name: str, folder: Path, backends: list[Backend], options: BenchOptions, loras: Loras
) -> Iterator[Row]:
    for backend in backends:
        task = _task(backend.capabilities.id, folder, options, loras)
        say(f"Measuring {backend.capabilities.id} with {name} ...")
        problem = backend.probe() or _lacks_budget(backend, options)
        yield Row(
            name, task.runner, task.width, task.height, Measured(problem=problem) if problem else _try(task)
        )


def _lacks_budget(backend: Backend, options: BenchOptions) -> str | None:
    known = any(option.id == "memory" for option in backend.capabilities.options)
    return None if known or not options.memory else "It keeps to no memory budget."


def _task(runner: str, folder: Path, options: BenchOptions, loras: Loras = ()) -> Task:
    defaults = open_folder(folder).facts.defaults
    width, height = options.size or (defaults.width, defaults.height)
    told = {"memory": options.memory} if options.memory else {}
    return Task(
        runner=runner,
        folder=folder,
        width=width,
        height=height,
        steps=options.steps,
        options=told,
        loras=loras,
    )


def _try(task: Task) -> Measured:
    try:
        return in_child(measure, task)
    except MezzotintError as error:
        return Measured(problem=str(error))


def _compare(name: str, folder: Path, options: BenchOptions, report: Report) -> None:
    say(f"Measuring diffusers' own pipeline with {name} ...")
    task = _task(DIFFUSERS, folder, options)
    report.rows.append(Row(name, DIFFUSERS, task.width, task.height, _try(task)))
    report.pairs[name] = in_child(pairs, _task(_CPU, folder, options))


# --- Telling -------------------------------------------------------------------------------------


def _print(report: Report) -> None:
    table = Table("Model", "Backend", "Size", "Load", "First step", "Step", "Decode", "Peak memory")
    for row in report.rows:
        table.add_row(row.model, row.runner, f"{row.width} x {row.height}", *_figures(row.measured))
    console = Console()
    console.print(table)
    for row in report.rows:
        if row.measured.problem:
            console.print(f"{row.runner}: not measured. {row.measured.problem}", markup=False)
        for remark in row.measured.remarks:
            console.print(f"{row.runner}: {remark}", markup=False)
    for name, taken in report.pairs.items():
        console.print(
            f"{name}: a step here takes {ratio(taken):.2f} of diffusers' (median of {len(taken)} pairs)."
        )
    console.print("Peak memory is above what the process took after its imports.")


def ratio(taken: list[tuple[float, float]]) -> float:
    """The median over the pairs of our seconds through theirs."""
    return statistics.median(ours / theirs for ours, theirs in taken)


def _figures(measured: Measured) -> list[str]:
    seconds = (measured.load, measured.first_step, measured.step, measured.decode)
    times = ["" if second is None else f"{second:.2f} s" for second in seconds]
    return [*times, "" if measured.peak is None else in_words(measured.peak)]


def _as_plain(report: Report, options: BenchOptions) -> dict[str, Any]:
    return {
        "made_on": machine(),
        "batch": 1,
        "options": {"steps": options.steps, "memory": options.memory, "lora": options.lora},
        "rows": [asdict(row) for row in report.rows],
        "pairs": {name: {"seconds": taken, "ratio": ratio(taken)} for name, taken in report.pairs.items()},
    }


def machine() -> dict[str, Any]:
    """What a measurement was made on: versions, processor, memory, commit, date."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "mezzotint": version("mezzotint"),
        "commit": _commit(),
        "versions": dict(_versions()),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": psutil.cpu_count(logical=False),
        "memory": psutil.virtual_memory().total,
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def _versions() -> Iterator[tuple[str, str]]:
    yield "python", platform.python_version()
    for name in _LIBRARIES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def _commit() -> str | None:
    """The commit of the tree this runs from, or None for an installed program."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None

"""`mezzotint compare`: one request made by several backends, and how far the pictures are apart."""

from __future__ import annotations

import contextlib
import json
import math
import time
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path

import numpy as np

from backends.core.contract import InvalidRequest, MezzotintError, Picture, PictureReady, Request
from backends.core.prompt_tags import with_tag
from desktop.cli.compare_options import CompareOptions, Runner, parse_runners, read_request
from desktop.cli.lora_options import loras_asked_for
from desktop.cli.show import printable, say
from desktop.cli.vae_options import find_vae
from desktop.library.additions import search_folders


@dataclass(frozen=True)
class Task:
    """What each is to make; `search`: where what the prompt names is looked for."""

    request: Request
    folder: Path
    search: tuple[Path, ...]


@dataclass(frozen=True)
class Made:
    """A picture and how it was made, or the sentence that says why not."""

    runner: Runner
    picture: Picture | None = None
    precision: str = ""
    seconds: float = 0.0
    problem: str | None = None


def run(options: CompareOptions) -> int:
    """Makes and prints. Returns 0 when at least two pictures could be compared, else 1."""
    request, folder = read_request(Path(options.request))
    loras, files = loras_asked_for(options.lora)
    vae, vae_files = find_vae(options.vae, request.vae)
    request = replace(request, prompt=reduce(with_tag, loras, request.prompt), vae=vae)
    task = Task(request, folder, (*search_folders(), *files, *vae_files))
    made = [_try(runner, task) for runner in _runners(options)]
    print(json.dumps(_as_plain(made))) if options.json else _print(made)
    return 0 if sum(each.picture is not None for each in made) > 1 else 1


def psnr(one: bytes, other: bytes) -> float:
    """Decibels between the pixels of two pictures, 8 bits a channel; infinite when they are the same."""
    first, second = (np.frombuffer(each, np.uint8).astype(np.float64) for each in (one, other))
    error = float(np.mean((first - second) ** 2))
    return 10 * math.log10(255**2 / error) if error else math.inf


def _runners(options: CompareOptions) -> list[Runner]:
    from backends.core.registry import all_backends

    if options.backends is not None:
        return parse_runners(options.backends)
    able = [Runner(each.capabilities.id) for each in all_backends() if each.probe() is None]
    if len(able) < 2:
        raise InvalidRequest(
            "Fewer than two backends can run here, so there is nothing to compare.",
            "Compare options of one: --backends cpu_offload,cpu_offload:memory=1GB.",
        )
    return able


def _try(runner: Runner, task: Task) -> Made:
    say(f"Making it with {runner.words} ...")
    try:
        return _make(runner, task)
    except MezzotintError as error:
        return Made(runner, problem=str(error))


def _make(runner: Runner, task: Task) -> Made:
    from backends.core.pipeline import generate
    from backends.core.registry import get_backend

    backend = get_backend(runner.backend)
    _check_options(runner, {option.id for option in backend.capabilities.options})
    with contextlib.closing(backend.open(task.folder, runner.options)) as stages:
        began = time.perf_counter()
        events = list(generate(task.request, stages, previews=False, search=task.search))
        seconds = time.perf_counter() - began
        picture = next(event.picture for event in events if isinstance(event, PictureReady))
        return Made(runner, picture, stages.provenance.get("precision", ""), seconds)


def _check_options(runner: Runner, known: set[str]) -> None:
    for name in runner.options:
        if name not in known:
            raise InvalidRequest(
                f"The backend {runner.backend} has no option called {name!r}.",
                f"It has: {', '.join(sorted(known)) or 'none'}.",
            )


# --- Telling ------------------------------------------------------------------------------------


def _decibels(made: list[Made]) -> list[float | None]:
    """Of each to the first picture that there is; None for that one and for those that were not made."""
    reference = next((each for each in made if each.picture), None)
    return [
        psnr(reference.picture.rgb, each.picture.rgb)
        if reference and reference.picture and each.picture and each is not reference
        else None
        for each in made
    ]


def _print(made: list[Made]) -> None:
    for each, decibels in zip(made, _decibels(made), strict=True):
        print(f"{printable(each.runner.words)}: {printable(_figures(each, decibels))}")


def _figures(made: Made, decibels: float | None) -> str:
    if made.problem is not None:
        return made.problem
    figures = f"{made.precision}, {made.seconds:.1f} s"
    if decibels is None:
        return f"{figures}; the others are compared with this one"
    return f"{figures}, the same picture" if math.isinf(decibels) else f"{figures}, {decibels:.1f} dB"


def _as_plain(made: list[Made]) -> dict[str, object]:
    """Infinity is not JSON: equal pictures have "same": true and no decibels."""
    return {
        "pictures": [
            {
                "backend": each.runner.backend,
                "options": dict(each.runner.options),
                "precision": each.precision,
                "seconds": round(each.seconds, 2),
                "psnr": None if decibels is None or math.isinf(decibels) else round(decibels, 2),
                "same": decibels is not None and math.isinf(decibels),
                "problem": each.problem,
            }
            for each, decibels in zip(made, _decibels(made), strict=True)
        ]
    }

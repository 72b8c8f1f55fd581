"""How far pictures with 8- and 4-bit weights are from float32's, over many seeds, by bitsandbytes on the CPU.

    python -m tests.measure_int8 --seeds 64

Decibels of 8-bit pixels, infinite for identical pictures.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from dataclasses import replace
from functools import cache
from pathlib import Path

import torch

from backends.core import pipeline
from backends.core.contract import PictureReady, Request, Stages
from backends.core.int8_loading import SCHEMES, load_held
from backends.core.model_folder import open_folder
from backends.core.placement import Placement
from backends.core.torch_stages import open_stages
from desktop.cli.compare import psnr

STARTER = Path(__file__).parents[1] / "desktop/resources/starter"
PROMPTS = (
    "a fox in the snow", "a panda eating tacos at the beach", "a red apple on a table", "a cat in space",
    "a blue bird in the forest", "a slice of pizza", "a green car in the city", "an octopus under water",
)  # fmt: skip


def measure(scheme: str, seeds: int, steps: int | None = None) -> list[float]:
    """Decibels between the float32 picture of each seed and the one with weights held by this scheme."""
    held = _stages(scheme)
    return [psnr(_reference(seed, steps), make(held, seed, steps)) for seed in range(seeds)]


def make(stages: Stages, seed: int, steps: int | None) -> bytes:
    """One picture of the starter's own size and settings."""
    defaults = stages.facts.defaults
    wanted = replace(defaults, steps=steps or defaults.steps)
    request = Request(**vars(wanted), prompt=PROMPTS[seed % len(PROMPTS)], seed=seed)
    events = pipeline.generate(request, stages, previews=False)
    return next(event.picture.rgb for event in events if isinstance(event, PictureReady))


@cache
def _reference(seed: int, steps: int | None) -> bytes:
    return make(_stages(None), seed, steps)


@cache
def _stages(scheme: str | None) -> Stages:
    plain = Placement(backend="measure_int8", device=torch.device("cpu"), free_bytes=lambda: 8 * 10**9)
    if scheme is None:
        return open_stages(STARTER, plain)
    return open_stages(STARTER, replace(plain, load=load_held(scheme), held_as=scheme))


def _summary(found: list[float]) -> dict[str, float]:
    pooled = statistics.mean(10 ** (-each / 10) for each in found)
    figures = {
        "of all pixels": -10 * math.log10(pooled),
        "mean": statistics.mean(found),
        "median": statistics.median(found),
        "lowest": min(found),
    }
    return {name: round(value, 1) for name, value in figures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=64)
    parser.add_argument("--schemes", nargs="*", default=list(SCHEMES))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"Model {open_folder(STARTER).model_hash()[:12]}, {options.seeds} seeds, dB from float32:")
    for scheme in options.schemes:
        found = measure(scheme, options.seeds)
        print(json.dumps({scheme: found}) if options.json else f"{scheme}: {_summary(found)}", flush=True)


if __name__ == "__main__":
    main()

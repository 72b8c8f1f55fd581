"""The figures of docs/coreml.md for one model, measured: `python -m tests.coreml_figures [MODEL]`.

Converts it in each bit count, compares every network with torch (in fp32 arithmetic and with fp16's
rounding), and makes a picture through the Core ML backend in reference mode, and with the CPU's backend. It
needs what `pip install '.[coreml]'` brings and nothing else. Exit code 1 when a figure is below its limit.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from backends.core import coreml_runtime, pipeline
from backends.core.contract import PictureReady, Request, Stages
from backends.core.memory import in_words, peak_bytes
from backends.core.model_folder import read_facts
from backends.core.quiet import quiet
from backends.core.registry import get_backend
from convert import verify
from convert.coreml_model import convert_model
from convert.recipes import BITS, Order
from desktop.library.models import STARTER, find_model

CLOSE_DB = 30.0
"""A picture of 16 bits is this close to the CPU's, at least."""


def convert(model: Path, bits: int, where: Path) -> Path:
    """Converts for the Neural Engine and says how long it took; the folder."""
    began = time.monotonic()
    order = Order(model=model, destination=where / f"{bits}", target="neural-engine", bits=bits)
    folder = convert_model(order, lambda _: None)
    seconds = time.monotonic() - began
    told = f"converted in {seconds:.0f} s, peak memory so far {in_words(peak_bytes() or 0)}"
    print(f"\n{bits} bits: {told}", flush=True)
    return folder


def networks(folder: Path) -> Iterator[bool]:
    """A line for each comparison of each network, and whether it is near enough."""
    for check in verify.verify(folder):
        size = sum(file.stat().st_size for file in folder.glob(f"{check.network}*.mlpackage/**/*.bin"))
        print(f"  {in_words(size):>8}  {check.words}", flush=True)
        yield check.passed


def pictures(folder: Path, model: Path, prompt: str, seeds: list[int]) -> Iterator[float]:
    """A line for each seed's picture, and its PSNR against the CPU's in dB."""
    defaults = read_facts(folder).defaults
    request = Request(
        prompt=prompt,
        width=defaults.width,
        height=defaults.height,
        steps=defaults.steps,
        guidance_scale=defaults.guidance_scale,
        sampler=defaults.sampler,
        seed=seeds[0],
    )
    ours, theirs = get_backend("coreml").open(folder, {}), get_backend("cpu_offload").open(model, {})
    for seed in seeds:
        one, other = (pixels(replace(request, seed=seed), stages) for stages in (ours, theirs))
        error = float(np.mean((one - other) ** 2))
        found = float("inf") if error == 0 else 10 * float(np.log10(255**2 / error))
        print(f"  {prompt!r}, seed {seed}: {found:.1f} dB", flush=True)
        yield found
    ours.close()
    theirs.close()


def pixels(request: Request, stages: Stages) -> np.ndarray:
    """What a request makes, as numbers from 0 to 255."""
    made = pipeline.generate(request, stages, previews=False)
    (ready,) = [event for event in made if isinstance(event, PictureReady)]
    return np.frombuffer(ready.picture.rgb, np.uint8).astype(float)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default=STARTER, help="a model's name or folder (the starter)")
    parser.add_argument("--bits", type=int, nargs="+", default=[16, 6], choices=BITS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--prompt", default="a fox in the snow")
    options = parser.parse_args()
    os.environ[coreml_runtime.VARIABLE] = "reference"
    quiet()
    model, good = find_model(options.model).folder, True
    with tempfile.TemporaryDirectory() as where:
        for bits in options.bits:
            folder = convert(model, bits, Path(where))
            good = all([*networks(folder)]) and good
            found = [*pictures(folder, model, options.prompt, options.seeds)]
            good = (bits < 16 or min(found) >= CLOSE_DB) and good
    print("\nAll as near as is asked." if good else "\nBelow what is asked.")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

"""What `cpu_offload` promises, measured at SD 1.5's full size: budgets, speed beside diffusers, predictions.

    python -m tests.measure_cpu [--out FILE.json] [--only budget,speed,curve,fit] [--model FOLDER]

Takes about 15 minutes on two cores and 5 GB of disk (the model, random weights, in a temporary folder).
Not part of the test suite. Figures are for one run of the network a step unless `batch` says 2; peaks are
bytes above what the process took after its imports. The file is in the page cache: it was just written.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from backends.core.environment import be_offline
from desktop.cli.bench import machine, ratio
from desktop.cli.bench_child import DIFFUSERS, Measured, Task, in_child, measure, pairs
from desktop.cli.bench_model import make_full_size

STARTER = Path(__file__).parents[1] / "desktop/resources/starter"
SIZES = (256, 512, 768)
CURVE = ("1GB", "2GB", "3GB", "4GB")
BUDGET = 1.5e9
Results = dict[str, Any]


def task(
    folder: Path, side: int = 512, *, runner: str = "cpu_offload", batch: int = 1, **options: str
) -> Task:
    return Task(runner=runner, folder=folder, width=side, height=side, steps=3, batch=batch, options=options)


def gigabytes(count: int | None) -> str:
    return "?" if count is None else f"{count / 1e9:.3f}"


def run(name: str, what: Task, results: Results) -> Measured:
    """One measurement in a process of its own; kept under its name, and said."""
    found: Measured = in_child(measure, what)
    results["runs"][name] = asdict(found) | {"batch": what.batch, "side": what.width, "options": what.options}
    print(
        f"{name}: load {found.load:.1f} s, first step {found.first_step:.2f}, step {found.step:.2f}, "
        f"decode {found.decode:.1f}, peak {gigabytes(found.peak)} GB above {gigabytes(found.baseline)}"
        + "".join(f" [{remark}]" for remark in found.remarks),
        flush=True,
    )
    return found


def measure_budget(model: Path, results: Results) -> None:
    """With 1.5 GB the peak stays under it, guided too, and a step takes at most 1.6 of the unlimited one."""
    short = run("1.5GB", task(model, memory="1.5GB"), results)
    whole = run("unlimited", task(model), results)
    guided = run("1.5GB guided", task(model, batch=2, memory="1.5GB"), results)
    told = {
        "peak": short.peak,
        "peak_guided": guided.peak,
        "kept": max(short.peak or 0, guided.peak or 0) < BUDGET,
        "step_ratio": (short.step or 0) / (whole.step or 1),
    }
    results["budget"] = told
    print(f"budget: {told}", flush=True)


def measure_speed(model: Path, results: Results) -> None:
    """Five pairs of single steps, ours and diffusers', in one process; and diffusers' peak in its own."""
    taken = in_child(pairs, task(model))
    results["pairs"] = {"seconds": taken, "ratio": ratio(taken)}
    print(f"pairs (ours, diffusers'): {taken}; ratio {ratio(taken):.3f}", flush=True)
    run("diffusers", task(model, runner=DIFFUSERS), results)


def measure_curve(model: Path, results: Results) -> None:
    for memory in CURVE:
        run(memory, task(model, memory=memory), results)


def measure_fit(model: Path, results: Results) -> None:
    """Predicted against measured peaks of the whole process, in bytes."""
    results["fit"] = {}
    for name, folder in (("starter", STARTER), ("sd15", model)):
        for side in SIZES:
            known = name == "sd15" and side == 512 and "unlimited" in results["runs"]
            label = "unlimited" if known else f"{name} {side}"
            if not known:
                run(label, task(folder, side), results)
            made = results["runs"][label]
            measured = made["baseline"] + made["peak"]
            expected = in_child(predicted, folder, side)
            told = {"measured": measured, "predicted": expected, "ratio": expected / measured}
            results["fit"][f"{name} {side}"] = told
            print(f"fit {name} {side}: {told}", flush=True)


def predicted(folder: Path, side: int) -> int:
    from backends.core.fit import predict
    from backends.core.model_folder import open_folder
    from backends.cpu_offload import BACKEND

    return predict(open_folder(folder), BACKEND.footprint, (side, side), 10**15, batch=1).need


PARTS: dict[str, Callable[[Path, Results], None]] = {
    "budget": measure_budget,
    "speed": measure_speed,
    "curve": measure_curve,
    "fit": measure_fit,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--model", type=Path, help="a model made by an earlier run")
    options = parser.parse_args()
    be_offline()
    results: Results = {"machine": machine(), "runs": {}}
    with tempfile.TemporaryDirectory(prefix="mezzotint-measure-") as scratch:
        model = options.model or make_full_size(Path(scratch) / "sd15")
        for name in options.only.split(","):
            PARTS[name](model, results)
            if options.out:
                options.out.write_text(json.dumps(results, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())

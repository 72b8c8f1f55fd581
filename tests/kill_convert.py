"""Kills a conversion at random moments, and looks for anything half made.

python -m tests.kill_convert --times 20
python -m tests.kill_convert --times 20 --model desktop/resources/starter

Exit code 1 when a model was lost or half made.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import torch

from backends.core.coreml_folder import open_converted
from backends.core.model_folder import open_folder
from backends.core.quiet import quiet
from convert.coreml_model import convert_model
from convert.coreml_networks import names
from convert.recipes import Order, Progress
from desktop.library.models import models_in
from tests.coreml_models import make_smallest_model


def convert_and_tell(order: Order, diary: Path) -> None:
    """In the child: each network that is really made is written down."""
    from convert import to_coreml

    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    torch.set_num_threads(1)  # a pool of threads does not survive the fork
    make = to_coreml.convert_network

    def told(*arguments: object) -> list[str]:
        names = make(*arguments)  # type: ignore[arg-type]
        with diary.open("a") as file:
            file.write(f"{names[0]}\n")
        return names

    to_coreml.convert_network = told
    convert_model(order, _nothing)


def _nothing(progress: Progress) -> None:
    """Nobody is watching."""


def kill_once(order: Order, diary: Path, seconds: float) -> bool:
    """Starts a conversion and kills it after so long. Whether it was done before."""
    process = multiprocessing.get_context("fork").Process(target=convert_and_tell, args=(order, diary))
    process.start()
    process.join(seconds)
    done = not process.is_alive()
    process.kill()
    process.join()
    return done


def look(order: Order, done: bool, counts: Counter[str]) -> None:
    """A model that is listed is whole; one that was reported done is listed."""
    listed = models_in([order.destination.parent])
    for model in listed:
        open_converted(model.folder)
    if done and not listed:
        counts["lost"] += 1
    counts["listed" if listed else "not listed"] += 1


def kill_often(times: int, seed: int = 0, given: Path | None = None) -> Counter[str]:
    """Kills until a conversion is whole, begins another, and so on; counts of what happened.

    Of the smallest model, or of a `given` one at its own size.
    """
    chance, counts = random.Random(seed), Counter[str]()
    with tempfile.TemporaryDirectory() as name:
        model = given or make_smallest_model(Path(name, "models", "tiny"))
        longest = _time_of_one(model, Path(name, "first"))
        round_ = 0
        while counts["kills"] < times:
            round_ += 1
            diary, order = (
                Path(name, f"diary-{round_}"),
                _order(model, Path(name, f"out-{round_}", "tiny-coreml")),
            )
            done = False
            while not done:
                unkind = counts["kills"] < times
                done = kill_once(order, diary, chance.uniform(0.05, longest) if unkind else 600)
                counts["kills"] += not done
                look(order, done, counts)
            counts["conversions"] += 1
            counts["made twice"] += len(diary.read_text().split()) - len(names(open_folder(model)))
    return counts


def _time_of_one(model: Path, where: Path) -> float:
    began = time.monotonic()
    convert_model(_order(model, where / "tiny-coreml"), _nothing)
    return time.monotonic() - began


def _order(model: Path, destination: Path) -> Order:
    destination.parent.mkdir(exist_ok=True)
    smallest = model.name == "tiny"
    return Order(model=model, destination=destination, target="gpu", sizes=((64, 64),) if smallest else ())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", type=Path, help="a model's folder (the smallest there is)")
    options = parser.parse_args()
    quiet()
    counts = kill_often(options.times, options.seed, options.model)
    for what, count in counts.items():
        print(f"{what}: {count}")
    return int(counts["lost"] > 0)


if __name__ == "__main__":
    sys.exit(main())

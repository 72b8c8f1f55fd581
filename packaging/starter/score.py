"""Score a model: python packaging/starter/score.py --work WORK --model FOLDER

300 prompts drawn from the grammar, worded at random, whose pairs were held out of training; one picture
each, picture k with the seed 1000 + k; the judge (judge.py) says what it sees. `--low-rank FILE --steps 4
--guidance 1` scores the student. Prints shares of right answers as JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from backends.core.lora_file import read
from captions import scene_content, with_backdrop
from compose import Spec, draw_spec
from judge import as_batch, open_judge, verdicts
from sheet import draw, open_pipeline, tile
from world import BACKDROPS

SIDE_BY_SIDE = ("left", "above")


def held_out_prompts(count: int) -> tuple[list[Spec], list[str]]:
    """What the pictures are to show, and a wording of it that names the backdrop."""
    rng, specs = random.Random(51), []
    while len(specs) < count:
        spec = draw_spec(rng)
        if spec.style == "flat" and spec.held_out:
            specs.append(spec)
    return specs, [with_backdrop(scene_content(spec, rng), BACKDROPS[spec.backdrop], rng) for spec in specs]


def shares(specs: Sequence[Spec], right: dict[str, torch.Tensor]) -> dict[str, float]:
    """The figures of the model card. "Both" asks for both things, each in its place."""
    both = right["first"] & right["second"]
    of = {name: torch.tensor([spec.relation in names for spec in specs]) for name, names in (
        ("alone", ("alone",)), ("two", SIDE_BY_SIDE), ("eating", ("eating",)))}  # fmt: skip
    found = {
        "single subject": right["first"][of["alone"]],
        "scene or colour": right["backdrop"],
        "two subjects, both": both[of["two"]],
        "eating, both": both[of["eating"]],
        "first of two": right["first"][~of["alone"]],
    }
    return {name: round(float(values.float().mean()), 3) for name, values in found.items()}


@torch.no_grad()
def add_change(unet: torch.nn.Module, file: Path) -> None:
    """Adds the student's change to the UNet's weights."""
    weights = dict(unet.named_parameters())
    for target, change in read(file).items():
        weight = weights[".".join(target).removeprefix("unet.")]
        weight += change.of_shape(weight.shape)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True, help="where judge.pt is")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument(
        "--low-rank", type=Path, help="a change of the UNet, as distil.py and export.py write it"
    )
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--guidance", type=float, default=4.0)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--sheet", type=Path, help="a PNG of all the pictures, in the prompts' order")
    options = parser.parse_args()
    specs, prompts = held_out_prompts(options.count)
    pipeline = open_pipeline(options.model)
    if options.low_rank:
        add_change(pipeline.unet, options.low_rank)
    pictures = draw(pipeline, prompts, options.guidance, options.steps, seed=1000)
    if options.sheet:
        tile(pictures, columns=20).save(options.sheet)
        options.sheet.with_suffix(".txt").write_text("\n".join(prompts) + "\n")
    batch = as_batch([np.asarray(picture) for picture in pictures])
    print(json.dumps(shares(specs, verdicts(open_judge(options.work), specs, batch)), indent=2))


if __name__ == "__main__":
    main()

"""Prompts at fixed seeds as one sheet: python packaging/starter/sheet.py --model FOLDER --output PNG

Uses diffusers' own StableDiffusionPipeline, so it also shows that the folder opens there unchanged.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline
from PIL import Image

PROMPTS = (
    "a panda eating tacos at the beach", "a fox in the snow", "a robot on a red background",
    "an owl at night",
    "a unicorn and a rainbow-coloured balloon in a meadow", "an octopus underwater", "a rocket in space",
    "a cat and a dog in a meadow", "a lion eating a banana in the forest",
    "a penguin eating ice cream at sunset",
    "a frog", "a bicycle on the beach", "a ghost under the moon", "a koala eating a doughnut in a forest",
    "a castle in the desert", "an elephant in the city", "a pizza above a star on a blue background",
    "a dragon eating cherries on a purple background", "a whale underwater, soft style",
    "a car on a yellow background",
)  # fmt: skip
PICTURES_AT_ONCE = 10


def open_pipeline(folder: Path) -> StableDiffusionPipeline:
    """The exported model in float32, on the CPU."""
    pipeline = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def draw(
    pipeline: StableDiffusionPipeline, prompts: list[str], guidance: float, steps: int = 20, seed: int = 1
) -> list[Image.Image]:
    """One picture a prompt; picture k has the seed `seed + k`."""
    pictures = []
    for start in range(0, len(prompts), PICTURES_AT_ONCE):
        batch = prompts[start : start + PICTURES_AT_ONCE]
        generators = [torch.Generator().manual_seed(seed + start + k) for k in range(len(batch))]
        result = pipeline(
            batch,
            guidance_scale=guidance,
            num_inference_steps=steps,
            generator=generators,
            height=128,
            width=128,
        )
        pictures += result.images
    return pictures


def tile(pictures: list[Image.Image], columns: int, zoom: int = 1) -> Image.Image:
    """Pictures side by side."""
    size = pictures[0].width * zoom
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * size, rows * size), "white")
    for number, picture in enumerate(pictures):
        enlarged = picture.resize((size, size), Image.Resampling.NEAREST)
        sheet.paste(enlarged, (number % columns * size, number // columns * size))
    return sheet


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--guidance", type=float, default=4.0)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--prompt", action="append", help="instead of the usual prompts; may be repeated")
    options = parser.parse_args()
    pipeline = open_pipeline(options.model)
    started = time.monotonic()
    pictures = draw(pipeline, options.prompt or list(PROMPTS), options.guidance, options.steps)
    print(f"{(time.monotonic() - started) / len(pictures):.2f} s a picture")
    tile(pictures, columns=5, zoom=2).save(options.output)


if __name__ == "__main__":
    main()

"""Makes the README's pictures with the program itself: a grid of prompts, and one run from noise to picture.

    python packaging/pictures/make.py

Nothing is selected: every prompt gets the seed it is listed with in PROMPTS, which is 0.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from backends.core import pipeline, registry
from backends.core.contract import Picture, PictureReady, Request, Stages, StepDone

HERE = Path(__file__).parent
STARTER = ROOT / "desktop/resources/starter"
SEED = 0
PROMPTS = [
    "a panda eating tacos at the beach",
    "a fox in the snow",
    "a robot on a red background",
    "an owl at night",
    "a unicorn and a rainbow-coloured balloon in a meadow",
    "an octopus underwater",
    "a rocket in space",
    "a lion in the desert",
    "a penguin eating ice cream in the snow",
    "a tulip on a blue background",
    "a cat next to a dog in a meadow",
    "a dolphin at sunset",
    "a car in the city",
    "a ghost under the moon",
    "a pizza above a star on a purple background",
    "a koala in the forest",
    "a frog eating a watermelon",
    "a butterfly on a yellow background",
    "a snail and a trophy on the beach",
]
COLUMNS, CELL, GAP, CAPTION = 5, 192, 16, 40
PAPER, INK = "#f6f3ee", "#3a3631"


def main() -> None:
    stages = registry.get_backend().open(STARTER, {})
    make_grid(stages).save(HERE / "prompts.png", optimize=True)
    make_strip(stages).save(HERE / "steps.png", optimize=True)


def make_request(stages: Stages, prompt: str) -> Request:
    defaults = stages.facts.defaults
    return Request(
        prompt=prompt,
        width=defaults.width,
        height=defaults.height,
        steps=defaults.steps,
        guidance_scale=defaults.guidance_scale,
        sampler=defaults.sampler,
        seed=SEED,
    )


def make_grid(stages: Stages) -> Image.Image:
    """Every prompt's picture with the prompt under it."""
    cells = [(prompt, make_picture(stages, prompt)) for prompt in PROMPTS]
    rows = -(-len(cells) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * (CELL + GAP) + GAP, rows * (CELL + CAPTION + GAP) + GAP), PAPER)
    for number, (prompt, image) in enumerate(cells):
        x = GAP + number % COLUMNS * (CELL + GAP)
        y = GAP + number // COLUMNS * (CELL + CAPTION + GAP)
        place(sheet, image, prompt, x, y)
    return sheet


def make_picture(stages: Stages, prompt: str) -> Image.Image:
    events = pipeline.generate(make_request(stages, prompt), stages, previews=False)
    return next(to_image(event.picture) for event in events if isinstance(event, PictureReady))


def make_strip(stages: Stages) -> Image.Image:
    """What the latents look like after some of the steps, and the picture they become."""
    events = list(pipeline.generate(make_request(stages, PROMPTS[0]), stages))
    steps = [event for event in events if isinstance(event, StepDone) and event.preview]
    chosen = [steps[0], *steps[2::4][:3], steps[-1]]
    frames = [(f"step {e.step} of {e.steps}", to_image(e.preview)) for e in chosen if e.preview]
    ready = next(event for event in events if isinstance(event, PictureReady))
    frames.append(("developed", to_image(ready.picture)))
    sheet = Image.new("RGB", (len(frames) * (CELL + GAP) + GAP, CELL + CAPTION + 2 * GAP), PAPER)
    for number, (caption, image) in enumerate(frames):
        place(sheet, image, caption, GAP + number * (CELL + GAP), GAP)
    return sheet


def place(sheet: Image.Image, image: Image.Image, caption: str, x: int, y: int) -> None:
    sheet.paste(image.resize((CELL, CELL), Image.Resampling.LANCZOS), (x, y))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    draw.multiline_text((x, y + CELL + 6), wrap(caption, draw, font), fill=INK, font=font, spacing=2)


def wrap(text: str, draw: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if draw.textlength(longer, font=font) > CELL:
            lines.append(word)
        else:
            lines[-1] = longer
    return "\n".join(lines)


def to_image(picture: Picture) -> Image.Image:
    return Image.frombytes("RGB", (picture.width, picture.height), picture.rgb)


if __name__ == "__main__":
    main()

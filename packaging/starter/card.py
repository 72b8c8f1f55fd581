"""Write the starter's page: python packaging/starter/card.py --model FOLDER --figures FIGURES.json

Draws 64 prompts, taken from the grammar by chance, with the seeds 0 to 63, none left out, and writes
docs/starter.md and docs/starter-samples.webp. The figures are what judge.py and score.py printed.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import Any

from captions import plain_caption
from compose import draw_spec
from sheet import draw, open_pipeline, tile

DOCS = Path(__file__).parents[2] / "docs"
COUNT, COLUMNS = 64, 8
WANTED = {
    "single subject": 0.90,
    "scene or colour": 0.95,
    "two subjects, both": 0.65,
    "eating, both": 0.70,
}
PAGE = """\
# The starter model

It comes with Mezzotint, so that the first picture needs no download: {megabytes:.1f} MB of weights, trained from
nothing on two processor cores by the recipe in [packaging/starter](../packaging/starter/README.md). It draws
128 x 128 pictures of 70 animals and characters, 28 foods and 32 objects, alone, in pairs or eating, in ten scenes
and on twelve plain colours.

![64 pictures, none selected](starter-samples.webp)

*Seeds 0 to 63, {settings}, prompts taken from the grammar by chance, none left out. The prompts, row by row:*

<details><summary>64 prompts</summary>

{prompts}

</details>

## Scores

300 prompts from the grammar, worded at random, whose combinations (thing and thing, or thing and backdrop) were
held out of training; one picture each, with fixed seeds. A small classifier that learned from fresh renderings,
never from the model's pictures, says what each picture shows. On 1,000 renderings that it had not seen it is
right about the first thing in {judge_first:.1%}, the second in {judge_second:.1%}, the relation in
{judge_relation:.1%} and the backdrop in {judge_backdrop:.1%}.

| share of pictures that show it | wanted | starter, {base_steps} steps | 4-step student |
|---|---|---|---|
{table}

Autoencoder: {psnr:.2f} dB on 256 renderings held out of training (27 wanted).

The commands that give these figures, after the recipe's:

```sh
python packaging/starter/judge.py --icons $ICONS --work $WORK --minutes {judge_minutes:g}
python packaging/starter/measure_vae.py --icons $ICONS --work $WORK --model desktop/resources/starter
python packaging/starter/score.py --work $WORK --model desktop/resources/starter --guidance {guidance:g}
python packaging/starter/score.py --work $WORK --model desktop/resources/starter --low-rank \\
    desktop/resources/starter-4-steps/unet_change.safetensors --steps 4 --guidance 1
```

## What it can't do

Anything outside its vocabulary: it has no people, faces, photographs, text or numbers of things, and passes over
words that it does not know. It knows compositions of at most two things. Larger pictures than 128 x 128 repeat
things. Thin and finely drawn things (a candle, a key) are its weakest part. Its words are listed in
[world.py](../packaging/starter/world.py) and [captions.py](../packaging/starter/captions.py).

## Licences

The weights: Apache-2.0. The art it learned from: Fluent Emoji (MIT, Microsoft) and Noto Emoji (Apache-2.0,
Google); see [NOTICE](../desktop/resources/starter/NOTICE). No photograph, no scraped picture and no other
model's output is in it.
"""  # noqa: E501


def sample_prompts() -> list[str]:
    """The first 64 that chance gives."""
    rng = random.Random(64)
    return [plain_caption(draw_spec(rng)) for _ in range(COUNT)]


def table(base: dict[str, float], student: dict[str, float]) -> str:
    """A row for each figure that was asked for."""
    rows = [f"| {name} | {WANTED[name]:.0%} | {base[name]:.1%} | {student[name]:.1%} |" for name in WANTED]
    return "\n".join(rows)


def weights_megabytes(folder: Path) -> float:
    """Of the starter and of the variants beside it."""
    files = folder.parent.glob(f"{folder.name}*/**/*.safetensors")
    return sum(path.stat().st_size for path in files) / 1e6


def page(figures: dict[str, Any], prompts: list[str], model: Path) -> str:
    defaults = json.loads((model / "model.json").read_text())["defaults"]
    judge = figures["judge"]
    return PAGE.format(
        megabytes=weights_megabytes(model),
        settings=f"{defaults['steps']} steps, guidance {defaults['guidance_scale']:g}",
        base_steps=defaults["steps"],
        guidance=defaults["guidance_scale"],
        prompts="\n".join(f"{number}. {prompt}" for number, prompt in enumerate(prompts)),
        table=table(figures["base"], figures["student"]),
        psnr=figures["psnr"],
        judge_minutes=figures["judge minutes"],
        **{f"judge_{name}": judge[name] for name in ("first", "second", "relation", "backdrop")},
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument(
        "--figures", type=Path, required=True, help="JSON: judge, judge minutes, base, student, psnr"
    )
    options = parser.parse_args()
    prompts = sample_prompts()
    defaults = json.loads((options.model / "model.json").read_text())["defaults"]
    pictures = draw(
        open_pipeline(options.model), prompts, defaults["guidance_scale"], defaults["steps"], seed=0
    )
    DOCS.mkdir(exist_ok=True)
    tile(pictures, COLUMNS).save(DOCS / "starter-samples.webp", quality=90, method=6)
    (DOCS / "starter.md").write_text(page(json.loads(options.figures.read_text()), prompts, options.model))


if __name__ == "__main__":
    main()

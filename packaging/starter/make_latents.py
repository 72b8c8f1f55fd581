"""Draw the training pictures and encode them: python packaging/starter/make_latents.py --icons I --work W

Writes W/latents.npy (float16, normalized), W/specs.json (what each picture shows) and W/normalization.pt (the
mean and deviation of each latent channel, which export.py folds into the autoencoder).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL

from art import Sprites, prepare_sprites
from compose import Spec, draw_training_spec, render
from training import load, save
from vae import build_vae

BATCH = 64
SAMPLE = 2048  # pictures whose latents give the mean and deviation


def draw_batch(sprites: Sprites, rng: random.Random, count: int) -> tuple[list[Spec], torch.Tensor]:
    """Specs, and their pictures in [-1, 1]."""
    specs = [draw_training_spec(rng) for _ in range(count)]
    pictures = torch.from_numpy(np.stack([render(spec, sprites, rng) for spec in specs]))
    return specs, pictures.movedim(-1, 1).float() / 127.5 - 1.0


@torch.inference_mode()
def encode(vae: AutoencoderKL, pictures: torch.Tensor) -> torch.Tensor:
    """Latents before normalization."""
    return vae.encode(pictures).latent_dist.mean


def measure(vae: AutoencoderKL, sprites: Sprites) -> dict[str, torch.Tensor]:
    """Mean and deviation of each latent channel."""
    rng = random.Random(5)
    latents = torch.cat([encode(vae, draw_batch(sprites, rng, BATCH)[1]) for _ in range(SAMPLE // BATCH)])
    return {"mean": latents.mean(dim=(0, 2, 3)), "deviation": latents.std(dim=(0, 2, 3))}


def encode_all(vae: AutoencoderKL, sprites: Sprites, count: int, stats: dict[str, torch.Tensor]) -> tuple:
    """Specs and normalized latents of `count` training pictures."""
    rng, specs, latents, started = random.Random(11), [], [], time.monotonic()
    mean, deviation = (stats[key][None, :, None, None] for key in ("mean", "deviation"))
    while len(specs) < count:
        batch_specs, pictures = draw_batch(sprites, rng, BATCH)
        latents.append(((encode(vae, pictures) - mean) / deviation).half().numpy())
        specs += batch_specs
        if len(specs) % (BATCH * 100) == 0:
            print(
                f"{len(specs)} pictures, {len(specs) / (time.monotonic() - started):.0f} a second", flush=True
            )
    return specs, np.concatenate(latents)


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--icons", type=Path, required=True, help="node_modules/@iconify-json")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--count", type=int, default=60000)
    return parser.parse_args()


def main() -> None:
    options = read_options()
    sprites = Sprites(prepare_sprites(options.icons, options.work))
    vae = build_vae().eval()
    vae.load_state_dict(load(options.work / "vae.pt")["vae"])
    stats = measure(vae, sprites)
    print("deviation of each channel:", [round(float(value), 3) for value in stats["deviation"]])
    specs, latents = encode_all(vae, sprites, options.count, stats)
    np.save(options.work / "latents.npy", latents)
    (options.work / "specs.json").write_text(json.dumps([dataclasses.astuple(spec) for spec in specs]))
    save(stats, options.work / "normalization.pt")


if __name__ == "__main__":
    main()

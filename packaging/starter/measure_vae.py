"""PSNR of a model's autoencoder: python packaging/starter/measure_vae.py --icons I --work W --model FOLDER

256 renderings that the training never drew (another seed), through the encoder and back by the decoder.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from diffusers import AutoencoderKL

from art import Sprites, prepare_sprites
from train_vae import psnr, render_many

COUNT, SEED = 256, 2


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--icons", type=Path, required=True, help="node_modules/@iconify-json")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    options = parser.parse_args()
    vae = AutoencoderKL.from_pretrained(options.model, subfolder="vae", dtype=torch.float32).eval()
    pictures = render_many(Sprites(prepare_sprites(options.icons, options.work)), COUNT, SEED)
    print(f"{psnr(vae, pictures):.2f} dB on {COUNT} pictures")


if __name__ == "__main__":
    main()

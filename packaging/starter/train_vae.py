"""Train the autoencoder: python packaging/starter/train_vae.py --icons ICONS --work WORK --minutes 22

It starts from a linear code of the patches. At first the encoder is taught that code and the decoder learns
to invert it; then both train together. `--resume` goes on from WORK/vae.pt; `--decoder-only` polishes the
decoder and leaves the encoder (and so every latent computed with it) as it is.
"""

from __future__ import annotations

import argparse
import math
import random
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch.nn import functional as F

from art import Sprites, prepare_sprites
from compose import draw_spec, render
from scenes import SIZE
from training import Budget, Courtesy, Ema, load, save, set_rate
from vae import PATCH, LinearCode, build_vae

TEACHING = 0.25  # share of the time in which the encoder is taught the linear code
CROPPING = 0.7  # share of the time after which whole pictures replace crops
CROP, CROPS = 64, 8
PICTURES = 3  # whole pictures in a batch
RATE = 2e-3
NOISE = 0.05
PULL = 0.02
EDGES = 1.0


def render_many(sprites: Sprites, count: int, seed: int) -> torch.Tensor:
    """Random pictures as bytes, [count, 3, 128, 128]."""
    rng = random.Random(seed)
    pictures = np.stack([render(draw_spec(rng), sprites, rng) for _ in range(count)])
    return torch.from_numpy(pictures).movedim(-1, 1).contiguous()


def to_float(pictures: torch.Tensor) -> torch.Tensor:
    """Bytes to [-1, 1]."""
    return pictures.float() / 127.5 - 1.0


def crops(pictures: torch.Tensor, rng: random.Random) -> torch.Tensor:
    """Random crops on the latents' grid."""
    chosen = []
    for number in rng.sample(range(len(pictures)), CROPS):
        top, left = (PATCH * rng.randint(0, (SIZE - CROP) // PATCH) for _ in range(2))
        chosen.append(pictures[number, :, top : top + CROP, left : left + CROP])
    return to_float(torch.stack(chosen))


def whole(pictures: torch.Tensor, rng: random.Random) -> torch.Tensor:
    """Random whole pictures."""
    return to_float(pictures[rng.sample(range(len(pictures)), PICTURES)])


def edge_loss(decoded: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
    """L1 distance of the differences between neighbouring pixels, which is where blur shows."""
    error = decoded - pictures
    return error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()


def picture_loss(decoded: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
    """L1 on pixels and on edges."""
    return F.l1_loss(decoded, pictures) + EDGES * edge_loss(decoded, pictures)


def encode(vae: AutoencoderKL, pictures: torch.Tensor) -> torch.Tensor:
    """The posterior's mean."""
    return vae.encode(pictures).latent_dist.mean.float()


def noisy(latents: torch.Tensor) -> torch.Tensor:
    """Latents with a little noise, so that the decoder forgives a denoiser's errors."""
    return latents + NOISE * torch.randn_like(latents)


def loss_of(vae: AutoencoderKL, code: LinearCode, pictures: torch.Tensor, teaching: bool) -> torch.Tensor:
    """The loss of one batch in either phase."""
    target = code(pictures)
    with torch.autocast("cpu", torch.bfloat16):
        latents = encode(vae, pictures)
        decoded = vae.decode(noisy(target if teaching else latents)).sample.float()
    weight = 1.0 if teaching else PULL
    return picture_loss(decoded, pictures) + weight * F.mse_loss(latents, target)


def polish_loss(vae: AutoencoderKL, pictures: torch.Tensor) -> torch.Tensor:
    """The loss of one batch when only the decoder trains."""
    with torch.autocast("cpu", torch.bfloat16):
        with torch.no_grad():
            latents = encode(vae, pictures)
        decoded = vae.decode(noisy(latents)).sample.float()
    return picture_loss(decoded, pictures)


@torch.no_grad()
def psnr(vae: AutoencoderKL, pictures: torch.Tensor) -> float:
    """Peak signal-to-noise ratio of reconstructions, the mean over pictures, in dB."""
    values = []
    for batch in to_float(pictures).split(16):
        decoded = vae.decode(encode(vae, batch)).sample.clamp(-1, 1)
        errors = (decoded - batch).square().mean(dim=(1, 2, 3)) / 4
        values += [-10 * math.log10(float(error)) for error in errors]
    return sum(values) / len(values)


def averaged(ema: Ema) -> AutoencoderKL:
    """The autoencoder with averaged weights."""
    vae = build_vae().eval()
    vae.load_state_dict(ema.weights)
    return vae


class Trainer:
    """The autoencoder's training, from nothing or from a checkpoint."""

    def __init__(self, options: argparse.Namespace) -> None:
        sprites = Sprites(prepare_sprites(options.icons, options.work))
        self.path = options.work / "vae.pt"
        self.pictures = render_many(sprites, options.pictures, seed=1)
        self.kept_back = render_many(sprites, 128, seed=2)
        self.code = LinearCode(to_float(self.pictures[:1000]))
        self.decoder_only, self.resumed = options.decoder_only, options.resume or options.decoder_only
        self.vae = build_vae()
        self.step = 0
        if self.resumed:
            state = load(self.path)
            self.vae.load_state_dict(state["vae"])
            self.step = state["step"]
        self.ema = Ema(self.vae, 0.998)
        self.optimizer = torch.optim.Adam(self.trained_weights(), lr=RATE, betas=(0.9, 0.98))

    def trained_weights(self) -> list[torch.nn.Parameter]:
        """Everything, or only the decoder."""
        if not self.decoder_only:
            return list(self.vae.parameters())
        return [*self.vae.decoder.parameters(), *self.vae.post_quant_conv.parameters()]

    def train(self, budget: Budget, rng: random.Random) -> None:
        """Spend the budget."""
        courtesy = Courtesy()
        while budget.spent < 1.0:
            courtesy.adapt()
            self.train_step(budget, rng)
            self.step += 1
            if self.step % 100 == 0:
                print(f"step {self.step} spent {budget.spent:.3f} loss {self.last:.4f}", flush=True)
            if budget.checkpoint_due():
                self.checkpoint(budget)
        self.checkpoint(budget)

    def train_step(self, budget: Budget, rng: random.Random) -> None:
        """One batch."""
        cropping = budget.spent < CROPPING and not self.decoder_only
        pictures = (crops if cropping else whole)(self.pictures, rng)
        teaching = budget.spent < TEACHING and not self.resumed
        loss = (
            polish_loss(self.vae, pictures)
            if self.decoder_only
            else (loss_of(self.vae, self.code, pictures, teaching))
        )
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained_weights(), 1.0)
        set_rate(self.optimizer, RATE * budget.rate())
        self.optimizer.step()
        self.ema.update(self.vae)
        self.last = float(loss.detach())

    def checkpoint(self, budget: Budget) -> None:
        """Measure on kept-back pictures, and save the averaged weights."""
        value = psnr(averaged(self.ema), self.kept_back[:: 1 if budget.spent >= 1 else 8])
        save({"vae": self.ema.weights, "step": self.step, "psnr": value}, self.path)
        print(f"step {self.step} spent {budget.spent:.3f} PSNR {value:.2f} dB", flush=True)


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--icons", type=Path, required=True, help="node_modules/@iconify-json")
    parser.add_argument("--work", type=Path, required=True, help="folder for checkpoints")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--pictures", type=int, default=10000)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--decoder-only", action="store_true")
    return parser.parse_args()


def main() -> None:
    options = read_options()
    torch.manual_seed(0)
    trainer = Trainer(options)
    trainer.train(Budget(options.minutes), random.Random(trainer.step))


if __name__ == "__main__":
    main()

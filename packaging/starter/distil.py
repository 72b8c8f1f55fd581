"""Distil a student that needs 4 steps: python packaging/starter/distil.py --work WORK --minutes 20

The student is the denoiser plus a low-rank change of every weight. It learns to do in one step, without
guidance, what the guided teacher does in several (Salimans and Ho 2022, "Progressive Distillation";
Meng et al. 2023 for the guidance), along the trajectories that it meets itself when it draws.
Reads WORK/denoiser.pt, writes WORK/student.safetensors.
"""

from __future__ import annotations

import argparse
import os
import time
from itertools import pairwise
from pathlib import Path

import torch
from diffusers import DDIMScheduler
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import CLIPTokenizer

from denoiser import LATENT_SIZE, TextToLatents, build_scheduler, tokenize
from low_rank import layer_weights, lora_file, make_low_rank
from training import Budget, Ema, load, set_rate
from train_denoiser import Latents
from vae import LATENT_CHANNELS

STEPS = 4
RANK = 24
RATE = 1e-3
OWN_SHARE = 0.5


def trailing(steps: int, last: int = 1000) -> list[int]:
    """Timesteps from pure noise downwards, as diffusers spaces them when `timestep_spacing` is "trailing"."""
    return [round(last - k * last / steps) - 1 for k in range(steps)]


class Steps:
    """DDIM's step between any two timesteps, on a schedule's alphas; -1 is the finished picture."""

    def __init__(self, scheduler: DDIMScheduler) -> None:
        cumulative = torch.cat([scheduler.alphas_cumprod, torch.ones(1)])  # index -1 is the last: 1.0
        self.signal, self.noise = cumulative.sqrt(), (1 - cumulative).sqrt()

    def move(self, latents: Tensor, velocity: Tensor, start: int, end: int) -> Tensor:
        """The latents at `end`, if `velocity` is right all the way."""
        a, s, to_a, to_s = self.signal[start], self.noise[start], self.signal[end], self.noise[end]
        return (to_a * a + to_s * s) * latents + (to_s * a - to_a * s) * velocity

    def velocity_between(self, latents: Tensor, target: Tensor, start: int, end: int) -> Tensor:
        """The velocity with which `move` leads to `target`."""
        a, s, to_a, to_s = self.signal[start], self.noise[start], self.signal[end], self.noise[end]
        return (target - (to_a * a + to_s * s) * latents) / (to_s * a - to_a * s)


class Teacher:
    """The denoiser as it is, with guidance."""

    def __init__(self, model: TextToLatents, steps: Steps, guidance: float, substeps: int) -> None:
        self.model, self.steps, self.guidance, self.substeps = model, steps, guidance, substeps

    @torch.no_grad()
    def lead(self, latents: Tensor, states: Tensor, start: int, end: int) -> Tensor:
        """The latents at `end`, after several guided steps."""
        length = (start - end) / self.substeps
        stops = [round(start - k * length) for k in range(self.substeps + 1)]
        for here, there in pairwise(stops):
            latents = self.steps.move(latents, self.guided(latents, here, states), here, there)
        return latents

    def guided(self, latents: Tensor, timestep: int, states: Tensor) -> Tensor:
        """`states` holds the captions' vectors, then as many of the empty caption."""
        with torch.autocast("cpu", torch.bfloat16):
            both = self.model.unet(torch.cat([latents, latents]), timestep, states).sample.float()
        wanted, unconditional = both.chunk(2)
        return unconditional + self.guidance * (wanted - unconditional)


class Distillation:
    """The student's training."""

    def __init__(self, options: argparse.Namespace) -> None:
        torch.manual_seed(5)
        tokenizer = CLIPTokenizer.from_pretrained(options.work / "tokenizer")
        self.student, teacher = (opened(options.work, tokenizer) for _ in range(2))
        self.shapes = {name: weight.shape for name, weight in layer_weights(self.student.unet)}
        self.low_rank = make_low_rank(self.student.unet, RANK)
        self.steps = Steps(build_scheduler())
        self.teacher = Teacher(teacher, self.steps, options.guidance, options.substeps)
        self.data = Latents(options.work, tokenizer, seed=77)
        self.empty = tokenize(tokenizer, [""])
        self.optimizer = torch.optim.AdamW(self.low_rank.parameters(), lr=RATE, weight_decay=0.0)
        self.ema = Ema(self.low_rank, 0.995)
        self.path, self.count = options.work / "student.safetensors", 0

    def train(self, budget: Budget) -> None:
        """Spend the budget."""
        before = time.monotonic()
        while budget.spent < 1.0:
            set_rate(self.optimizer, RATE * budget.rate())
            losses = self.trajectory()
            self.count += 1
            if self.count % 10 == 0:
                seconds, before = time.monotonic() - before, time.monotonic()
                print(self.count, [round(loss, 4) for loss in losses], f"{seconds / 10:.2f} s", flush=True)
            if budget.checkpoint_due():
                self.checkpoint()
        self.checkpoint()

    def trajectory(self) -> list[float]:
        """One batch from noise to pictures: at every step the student learns where the teacher goes."""
        _, tokens, _ = self.data.batch()
        states = self.vectors(tokens)
        latents = torch.randn(len(tokens), LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE)
        stops, losses = [*trailing(STEPS), -1], []
        for start, end in pairwise(stops):
            target = self.teacher.lead(latents, states, start, end)
            loss, reached = self.learn(latents, states[: len(tokens)], target, start, end)
            own = (torch.rand(len(tokens), 1, 1, 1) < OWN_SHARE).float()
            latents = own * reached + (1 - own) * target
            losses.append(loss)
        return losses

    def learn(
        self, latents: Tensor, states: Tensor, target: Tensor, start: int, end: int
    ) -> tuple[float, Tensor]:
        """One update; the loss, and where the student's step led."""
        with torch.autocast("cpu", torch.bfloat16):
            velocity = self.student.unet(latents, start, states).sample.float()
        loss = F.mse_loss(velocity, self.steps.velocity_between(latents, target, start, end))
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.low_rank.parameters(), 1.0)
        self.optimizer.step()
        self.ema.update(self.low_rank)
        return float(loss.detach()), self.steps.move(latents, velocity.detach(), start, end)

    @torch.no_grad()
    def vectors(self, tokens: Tensor) -> Tensor:
        """The captions' vectors, then as many of the empty caption."""
        both = torch.cat([tokens, self.empty.expand(len(tokens), -1)])
        return self.student.text_encoder(both).last_hidden_state

    def checkpoint(self) -> None:
        """Save the averaged change as a LoRA file beside its place, then move it there."""
        temporary = self.path.with_suffix(".part")
        save_file(lora_file(self.ema.weights, self.shapes), temporary)
        os.replace(temporary, self.path)


def opened(work: Path, tokenizer: CLIPTokenizer) -> TextToLatents:
    """The trained denoiser with averaged weights, frozen."""
    model = TextToLatents(tokenizer).eval().requires_grad_(False)
    model.load_state_dict(load(work / "denoiser.pt")["ema"])
    model.use_plain_attention()
    return model


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--guidance", type=float, default=4.0)
    parser.add_argument(
        "--substeps", type=int, default=3, help="the teacher's steps for each of the student's"
    )
    options = parser.parse_args()
    Distillation(options).train(Budget(options.minutes))


if __name__ == "__main__":
    main()

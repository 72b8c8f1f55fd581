"""Train the denoiser: python packaging/starter/train_denoiser.py --work WORK --minutes 65 --text-encoder TEXT

Reads what make_latents.py and tokenizer.py wrote. Captions are worded anew for every sample. `--resume`
goes on from WORK/denoiser.pt with a new budget of time; the learning rate warms up, holds, and falls over
the last third of it.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

import numpy as np
import torch
from transformers import CLIPTokenizer

from captions import caption
from compose import Spec, regions
from denoiser import LATENT_SIZE, TextToLatents, build_scheduler, tokenize
from scenes import GRID
from training import Budget, Courtesy, Ema, load, save, set_rate

BATCH = 32
RATE = 8e-4
CAPTION_DROPOUT = 0.1
BORDER = 0.4
ALONE_SHARE = 0.6  # of the pictures of one thing, so many are seen a round: pairs are learned more slowly
BEHIND = 0.4  # weight of the error where no sprite can be: backdrops are learned long before their sprites
EMA_DECAY = 0.999


class Latents:
    """The training pictures: latents, and captions worded anew each time."""

    def __init__(self, work: Path, tokenizer: CLIPTokenizer, seed: int) -> None:
        self.latents = np.load(work / "latents.npy")
        self.specs = [Spec(*fields) for fields in json.loads((work / "specs.json").read_text())]
        self.tokenizer = tokenizer
        self.rng = random.Random(seed)
        self.order: list[int] = []

    def batch(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Latents, tokens and weights of the error, of the next pictures in a shuffled order."""
        if len(self.order) < BATCH:
            self.order = self.round()
            self.rng.shuffle(self.order)
        numbers = [self.order.pop() for _ in range(BATCH)]
        specs = [self.specs[number] for number in numbers]
        tokens = tokenize(self.tokenizer, [self.caption(spec) for spec in specs])
        weights = torch.stack([weigh(spec) for spec in specs])[:, None]
        return torch.from_numpy(self.latents[numbers]).float(), tokens, weights

    def round(self) -> list[int]:
        """The numbers of the pictures that are seen once before any is seen again."""
        share = {"alone": ALONE_SHARE}
        numbered = enumerate(self.specs)
        return [n for n, spec in numbered if self.rng.random() < share.get(spec.relation, 1.0)]

    def caption(self, spec: Spec) -> str:
        """A wording, or now and then nothing, so that guidance has something to start from."""
        return "" if self.rng.random() < CAPTION_DROPOUT else caption(spec, self.rng)


def weigh(spec: Spec) -> torch.Tensor:
    """How much each of the 16 x 16 latents counts: 1 where a sprite may be, BEHIND elsewhere."""
    weights = torch.full((LATENT_SIZE, LATENT_SIZE), BEHIND)
    for left, top, size in regions(spec):
        weights[top // GRID : (top + size) // GRID, left // GRID : (left + size) // GRID] = 1.0
    return weights


def draw_timesteps(count: int, steps: int) -> torch.Tensor:
    """Timesteps for a batch, three quarters of them where captions decide what is drawn.

    Below BORDER the picture shows through the noise, and a right caption and a wrong one cost the same.
    """
    early = spread(count * 3 // 4, int(BORDER * steps), steps)
    late = spread(count - len(early), 0, int(BORDER * steps))
    return torch.cat([early, late])


def spread(count: int, low: int, high: int) -> torch.Tensor:
    """Whole numbers spread evenly, one at random in each `count`-th of the range."""
    return (low + (torch.arange(count) + torch.rand(count)) * (high - low) / count).long()


class Trainer:
    """The denoiser's training, from nothing or from a checkpoint."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.path = options.work / "denoiser.pt"
        tokenizer = CLIPTokenizer.from_pretrained(options.work / "tokenizer")
        self.model = TextToLatents(tokenizer)
        self.model.use_plain_attention()
        self.scheduler = build_scheduler()
        self.rate = options.rate
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=options.rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True
        )
        self.ema = Ema(self.model, EMA_DECAY)
        self.step, self.minutes, self.total = 0, 0.0, 0.0
        if options.resume:
            self.restore(options.text_encoder is None)
        if options.text_encoder:
            self.take_text_encoder(options.text_encoder)
        self.model.text_encoder.requires_grad_(False)
        self.data = Latents(options.work, tokenizer, seed=self.step)

    def restore(self, with_optimizer: bool) -> None:
        """Go on from the checkpoint."""
        state = load(self.path)
        self.model.load_state_dict(state["model"])
        if with_optimizer:
            self.optimizer.load_state_dict(state["optimizer"])
        self.ema.weights, self.ema.updates = state["ema"], state["step"]
        self.step, self.minutes = state["step"], state["minutes"]

    def take_text_encoder(self, path: Path) -> None:
        """Begin with the text encoder that teach_text.py wrote, and keep it; the averages begin anew."""
        self.model.text_encoder.load_state_dict(load(path))
        self.ema = Ema(self.model, EMA_DECAY)

    def train(self, budget: Budget) -> None:
        """Spend the budget."""
        courtesy = Courtesy()
        before, mark, first = self.minutes, time.monotonic(), self.step
        while budget.spent < 1.0:
            courtesy.adapt()
            self.train_step(budget)
            self.minutes = before + budget.spent * budget.minutes
            if self.step % 50 == 0:
                speed = (self.step - first) * BATCH / (time.monotonic() - mark)
                self.report(budget, speed)
                mark, first = time.monotonic(), self.step
            if budget.checkpoint_due():
                self.checkpoint()
        self.checkpoint()

    def report(self, budget: Budget, speed: float) -> None:
        """One line of progress."""
        loss, self.total = self.total / 50, 0.0
        print(f"step {self.step} spent {budget.spent:.3f} loss {loss:.4f} {speed:.1f}/s", flush=True)

    def loss(self) -> torch.Tensor:
        """Weighted squared error of the velocity on one batch."""
        latents, tokens, weights = self.data.batch()
        noise = torch.randn_like(latents)
        timesteps = draw_timesteps(len(latents), self.scheduler.config.num_train_timesteps)
        noisy = self.scheduler.add_noise(latents, noise, timesteps)
        target = self.scheduler.get_velocity(latents, noise, timesteps)
        with torch.autocast("cpu", torch.bfloat16):
            velocity = self.model(noisy, timesteps, tokens)
        return (weights * (velocity - target).square()).mean() / weights.mean()

    def train_step(self, budget: Budget) -> None:
        """One batch."""
        loss = self.loss()
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        set_rate(self.optimizer, self.rate * budget.rate())
        self.optimizer.step()
        self.ema.update(self.model)
        self.step += 1
        self.total += float(loss.detach())

    def checkpoint(self) -> None:
        """Save everything that a resume needs."""
        state = {
            "model": self.model.state_dict(),
            "ema": self.ema.weights,
            "optimizer": self.optimizer.state_dict(),
        }
        save({**state, "step": self.step, "minutes": self.minutes}, self.path)


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--text-encoder", type=Path, help="what teach_text.py wrote")
    parser.add_argument("--resume", action="store_true")
    return parser.parse_args()


def main() -> None:
    options = read_options()
    torch.manual_seed(int(time.time()) if options.resume else 0)
    Trainer(options).train(Budget(options.minutes))


if __name__ == "__main__":
    main()

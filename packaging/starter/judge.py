"""A judge of pictures: python packaging/starter/judge.py --icons ICONS --work WORK --minutes 10

A small classifier learns from fresh renderings, never from a model's pictures, to say which thing, second
thing, relation and backdrop a picture shows. Writes WORK/judge.pt and prints the judge's share of right
answers on 1,000 other renderings. `score.py` then asks it about a model's pictures.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from art import Sprites, prepare_sprites
from compose import RELATIONS, Spec, draw_spec, render
from training import Budget, load, save, set_rate
from world import BACKDROPS, CONCEPTS

NOTHING = "nothing"
CLASSES: dict[str, list[str]] = {
    "first": [concept.name for concept in CONCEPTS],
    "second": [NOTHING, *(concept.name for concept in CONCEPTS)],
    "relation": list(RELATIONS),
    "backdrop": list(BACKDROPS),
}
NUMBERS = {question: {name: n for n, name in enumerate(names)} for question, names in CLASSES.items()}
BATCH = 64
RATE = 2e-3


def block(inputs: int, outputs: int) -> nn.Sequential:
    """Halve the size."""
    convolution = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


class Judge(nn.Module):
    """Answers each question of `CLASSES` about a picture."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            block(3, 24),
            block(24, 48),
            block(48, 96),
            block(96, 160),
            block(160, 192),
            nn.Flatten(),
            nn.Dropout(0.1),
        )
        self.heads = nn.ModuleDict({name: nn.Linear(192 * 16, len(names)) for name, names in CLASSES.items()})

    def forward(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        """A score for each possible answer."""
        features = self.body(pictures)
        return {name: head(features) for name, head in self.heads.items()}


def answers(spec: Spec) -> dict[str, str]:
    """The right answer to each question."""
    second = spec.second or NOTHING
    return {"first": spec.first, "second": second, "relation": spec.relation, "backdrop": spec.backdrop}


def as_targets(specs: list[Spec]) -> dict[str, torch.Tensor]:
    """The right answers as class numbers."""
    right = [answers(spec) for spec in specs]
    return {
        name: torch.tensor([numbers[answer[name]] for answer in right]) for name, numbers in NUMBERS.items()
    }


def as_batch(pictures: list[np.ndarray]) -> torch.Tensor:
    """Bytes to [-1, 1]."""
    return torch.from_numpy(np.stack(pictures)).movedim(-1, 1).float() / 127.5 - 1.0


def roughen(pictures: torch.Tensor, rng: random.Random) -> torch.Tensor:
    """Shift, blur and spoil pictures a little, so that the judge is not put off by a model's softness."""
    shifted = torch.roll(pictures, (rng.randint(-6, 6), rng.randint(-6, 6)), dims=(2, 3))
    if rng.random() < 0.5:
        shifted = F.avg_pool2d(shifted, 3, stride=1, padding=1)
    return shifted + rng.uniform(0, 0.12) * torch.randn_like(shifted)


def train_judge(judge: Judge, sprites: Sprites, minutes: float) -> None:
    """Learn from fresh renderings."""
    budget, rng = Budget(minutes), random.Random(21)
    optimizer = torch.optim.AdamW(judge.parameters(), lr=RATE, weight_decay=0.05)
    while budget.spent < 1.0:
        specs = [draw_spec(rng) for _ in range(BATCH)]
        pictures = roughen(as_batch([render(spec, sprites, rng) for spec in specs]), rng)
        scores, targets = judge(pictures), as_targets(specs)
        loss = sum(F.cross_entropy(scores[name], targets[name]) for name in CLASSES)
        optimizer.zero_grad()
        loss.backward()
        set_rate(optimizer, RATE * budget.rate())
        optimizer.step()


@torch.inference_mode()
def verdicts(judge: Judge, specs: list[Spec], pictures: torch.Tensor) -> dict[str, torch.Tensor]:
    """For each question and picture, whether the judge sees what the spec says."""
    targets = as_targets(specs)
    parts = [judge(part) for part in pictures.split(BATCH)]
    seen = {name: torch.cat([part[name] for part in parts]).argmax(1) for name in CLASSES}
    return {name: seen[name] == targets[name] for name in CLASSES}


def open_judge(work: Path) -> Judge:
    """The judge that was trained."""
    judge = Judge()
    judge.load_state_dict(load(work / "judge.pt"))
    return judge.eval()


def accuracy(judge: Judge, sprites: Sprites, count: int = 1000) -> dict[str, float]:
    """Shares of right answers on renderings that it never saw, in the default style."""
    rng, specs = random.Random(41), []
    while len(specs) < count:
        spec = draw_spec(rng)
        if spec.style == "flat":
            specs.append(spec)
    pictures = as_batch([render(spec, sprites, rng) for spec in specs])
    return {
        name: round(float(right.float().mean()), 4)
        for name, right in verdicts(judge, specs, pictures).items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--icons", type=Path, required=True, help="node_modules/@iconify-json")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10.0)
    options = parser.parse_args()
    torch.manual_seed(3)
    sprites, judge = Sprites(prepare_sprites(options.icons, options.work)), Judge()
    train_judge(judge, sprites, options.minutes)
    save(judge.state_dict(), options.work / "judge.pt")
    print(json.dumps(accuracy(judge.eval(), sprites)))


if __name__ == "__main__":
    main()

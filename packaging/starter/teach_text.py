"""Teach the text encoder what captions say: python packaging/starter/teach_text.py --work WORK --minutes 2

From a random start the denoiser finds the scenes' words, which decide most of a picture, and the text
encoder then forgets the subjects' words before anything has used them. So it first learns to say what a
caption describes, with a linear layer on the mean of its outputs, where cross-attention that is still even
will find it. Writes WORK/text.pt, for `train_denoiser.py --text-encoder`.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from transformers import CLIPTextModel, CLIPTokenizer

from captions import caption
from compose import RELATIONS, Spec, draw_training_spec
from denoiser import TEXT_WIDTH, build_text_encoder, tokenize
from training import Budget, Courtesy, save, set_rate
from world import BACKDROPS, CONCEPTS

NOTHING = "nothing"
CLASSES: dict[str, list[str]] = {
    "first": [concept.name for concept in CONCEPTS],
    "second": [NOTHING, *(concept.name for concept in CONCEPTS)],
    "relation": list(RELATIONS),
    "backdrop": list(BACKDROPS),
    "style": ["flat", "soft"],
}
NUMBERS = {question: {name: n for n, name in enumerate(names)} for question, names in CLASSES.items()}
BATCH = 64
RATE = 1e-3


def targets(specs: list[Spec]) -> dict[str, torch.Tensor]:
    """The right answer to each question, as class numbers."""
    return {
        question: torch.tensor([numbers[getattr(spec, question) or NOTHING] for spec in specs])
        for question, numbers in NUMBERS.items()
    }


class Reader(nn.Module):
    """The text encoder with a linear layer for each question."""

    def __init__(self, text_encoder: CLIPTextModel) -> None:
        super().__init__()
        self.text_encoder = text_encoder
        self.heads = nn.ModuleDict(
            {name: nn.Linear(TEXT_WIDTH, len(names)) for name, names in CLASSES.items()}
        )

    def forward(self, tokens: torch.Tensor) -> dict[str, torch.Tensor]:
        """A score for each possible answer."""
        mean = self.text_encoder(tokens).last_hidden_state.mean(dim=1)
        return {name: head(mean) for name, head in self.heads.items()}


def draw_captions(rng: random.Random, tokenizer: CLIPTokenizer) -> tuple[list[Spec], torch.Tensor]:
    """Random training captions: what they describe, and their tokens."""
    specs = [draw_training_spec(rng) for _ in range(BATCH)]
    return specs, tokenize(tokenizer, [caption(spec, rng) for spec in specs])


def accuracy(scores: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> str:
    """Shares of right answers, for the log."""
    return " ".join(f"{q} {float((scores[q].argmax(1) == right[q]).float().mean()):.2f}" for q in CLASSES)


def teach(reader: Reader, tokenizer: CLIPTokenizer, minutes: float) -> None:
    """Spend the budget."""
    budget, courtesy, rng, step = Budget(minutes), Courtesy(), random.Random(61), 0
    optimizer = torch.optim.AdamW(reader.parameters(), lr=RATE, weight_decay=0.01)
    while budget.spent < 1.0:
        courtesy.adapt()
        specs, tokens = draw_captions(rng, tokenizer)
        scores, right = reader(tokens), targets(specs)
        optimizer.zero_grad()
        sum(F.cross_entropy(scores[question], right[question]) for question in CLASSES).backward()
        set_rate(optimizer, RATE * budget.rate())
        optimizer.step()
        step += 1
        if step % 50 == 0:
            print(f"step {step} spent {budget.spent:.2f}: {accuracy(scores, right)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=2.0)
    options = parser.parse_args()
    torch.manual_seed(0)
    tokenizer = CLIPTokenizer.from_pretrained(options.work / "tokenizer")
    reader = Reader(build_text_encoder(tokenizer))
    reader.text_encoder.set_attn_implementation("eager")
    teach(reader, tokenizer, options.minutes)
    save(reader.text_encoder.state_dict(), options.work / "text.pt")


if __name__ == "__main__":
    main()

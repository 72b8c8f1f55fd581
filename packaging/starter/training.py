"""What both trainings share: a wall-clock budget, moving averages, and checkpoints that are never half-written."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

CHECKPOINT_SECONDS = 180.0


@dataclass
class Budget:
    """A training's time: learning rates follow the share of it that is spent."""

    minutes: float
    started: float = field(default_factory=time.monotonic)
    saved: float = field(default_factory=time.monotonic)

    @property
    def spent(self) -> float:
        """Share of the budget that is spent, 0 to 1."""
        return min(1.0, (time.monotonic() - self.started) / (60.0 * self.minutes))

    def rate(self, warm_up: float = 0.01, decay: float = 1 / 3) -> float:
        """Factor of the learning rate: warm-up, hold, then linearly to 0 over the last `decay` of the time."""
        return min(1.0, (self.spent + 1e-3) / warm_up, (1.0 - self.spent) / decay)

    def checkpoint_due(self) -> bool:
        """True every few minutes."""
        due = time.monotonic() - self.saved > CHECKPOINT_SECONDS
        if due:
            self.saved = time.monotonic()
        return due


class Ema:
    """An exponential moving average of a module's weights, kept in float32."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.weights = {key: value.detach().clone() for key, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """One step towards the module's present weights (faster at first)."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for key, value in module.state_dict().items():
            if value.is_floating_point():
                self.weights[key].lerp_(value, 1.0 - decay)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set every group's learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def save(state: dict[str, Any], path: Path) -> None:
    """Write a checkpoint beside its place, then move it there."""
    temporary = path.with_suffix(".part")
    torch.save(state, temporary)
    os.replace(temporary, path)


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint."""
    return torch.load(path, map_location="cpu", weights_only=True)

"""What both trainings share: a budget of time, moving averages, and checkpoints never half-written."""

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
        """Factor of the learning rate: warm-up, hold, then linear to 0 over the last `decay` of the time."""
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


class Courtesy:
    """Gives a core back while other programs are busy.

    Two threads of a low priority on a shared core wait for each other most of the time; one thread on the
    other core does not. Linux only: elsewhere the number of threads stays as it is.
    """

    STATISTICS = Path("/proc/stat")
    SECONDS = 1.0
    BUSY = 0.3  # cores that others use

    def __init__(self) -> None:
        self.threads = torch.get_num_threads()
        self.looked, self.used = time.monotonic(), self.user_seconds()

    def user_seconds(self) -> float:
        """Time that programs of normal priority have used since the start of the machine."""
        if not self.STATISTICS.exists():
            return 0.0
        return int(self.STATISTICS.read_text().split()[1]) / os.sysconf("SC_CLK_TCK")

    def adapt(self) -> None:
        """Choose the number of threads by what others used since the last look."""
        now = time.monotonic()
        if now - self.looked < self.SECONDS:
            return
        used = self.user_seconds()
        busy = (used - self.used) / (now - self.looked)
        self.looked, self.used = now, used
        torch.set_num_threads(max(1, self.threads - 1) if busy > self.BUSY else self.threads)


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

"""Runs the command line in this process, with fakes where networks would be."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backends.core.contract import Request


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str
    requests: list[Request]

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def path(self) -> Path:
        return Path(self.out.splitlines()[0])


Mezzotint = Callable[..., Ran]

"""What may be written after `mezzotint bench` and `mezzotint fit`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field

from desktop.cli.lora_options import add_lora

Size = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class BenchOptions:
    """The options of `mezzotint bench`; None for what was not given."""

    backend: str | None = None
    model: str | None = None
    size: Size | None = None
    steps: int = 3
    memory: str | None = None
    lora: list[str] = field(default_factory=list[str])
    compare: bool = False
    full: bool = False
    json: bool = False


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """The options of `mezzotint fit`; None for what was not given."""

    model: str | None = None
    backend: str | None = None
    size: Size | None = None
    refiner: str | None = None
    json: bool = False


def add_bench(
    parser: argparse.ArgumentParser, size: Callable[[str], Size], whole: Callable[[str], int]
) -> None:
    add = parser.add_argument
    add("--backend", metavar="ID", help="only this backend (every one that can run here)")
    add("--model", metavar="MODEL", help="an installed model's name, or a model's folder (starter)")
    add("--full", action="store_true", help="also a model of SD 1.5's full size, with random weights")
    add("--size", metavar="WxH", type=size, help="width and height in pixels (what suits the model)")
    add("--steps", metavar="N", type=whole, default=3, help="denoising steps to time; the first counts apart")
    add("--memory", metavar="AMOUNT", help="keep to this much memory, such as 3GB")
    add_lora(parser)
    add("--compare", action="store_true", help="also diffusers' own pipeline on the CPU: five pairs of steps")
    add("--json", action="store_true", help="print one JSON object, with what it was measured on")


def add_fit(parser: argparse.ArgumentParser, size: Callable[[str], Size]) -> None:
    add = parser.add_argument
    add("model", nargs="?", metavar="MODEL", help="a model's name or folder (all that are installed)")
    add("--backend", metavar="ID", help="only this backend")
    add("--size", metavar="WxH", type=size, help="width and height in pixels (what suits the model)")
    add("--refiner", metavar="MODEL", help="also whether this model stays beside it, to make the last steps")
    add("--json", action="store_true", help="print one JSON object, for programs")

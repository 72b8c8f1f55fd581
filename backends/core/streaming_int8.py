"""Weights that are read once and kept in memory as int8, a quarter of float32.

Each layer's are multiplied out when it runs, and the arithmetic stays float32: the picture differs by the
rounding of the weights. For machines with slow disks and a gigabyte to spare.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

import torch
from torch import Tensor

from backends.core.int8_exact import outermost
from backends.core.int8_weights import dequantise, quantise
from backends.core.streaming_files import WeightFiles

_FEW = 2**14
"""Weights of fewer numbers stay as they are: they are small, and their rounding would cost most."""


class Int8Files(WeightFiles):
    """A part's weights; matrices and convolutions are quantised when they are first asked for."""

    def __init__(self, files: WeightFiles) -> None:
        super().__init__(files.stored, files.added)
        self._held: dict[str, tuple[Tensor, Tensor]] = {}
        self._is_exact = outermost(files.stored)
        files.close()

    def tensor(self, name: str) -> Tensor:
        if self._stays(name):
            return super().tensor(name)
        if name not in self._held:
            self._held[name] = quantise(super().tensor(name))
        return dequantise(*self._held[name], torch.float32)

    def _stays(self, name: str) -> bool:
        shape = self.stored[name].shape
        return len(shape) < 2 or prod(shape) < _FEW or self._is_exact(name)

    def will_need(self, names: Iterable[str]) -> None:
        super().will_need(name for name in names if name not in self._held)

    def let_go(self) -> None:
        self._held = {}
        super().let_go()

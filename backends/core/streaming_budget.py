"""A memory budget, and how much of it a network's weights may keep."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from backends.core import autoencoders, fallback
from backends.core.fit import Needs, kind
from backends.core.memory import available_bytes, keep_no_garbage, resident_bytes
from backends.core.model_folder import ModelFolder
from backends.core.streaming import Shape, Streamed

if TYPE_CHECKING:
    from backends.core.placement import Placement

_USABLE = 0.85
"""Of what the machine could give, so much is taken without being asked: the rest is for other programs."""
_STAYING = ("unet", "vae")
_SPARE = 0.05
"""Of a budget, so much is for what the ledger can't see: code, tables, an allocator's leftovers."""


def main_memory() -> Callable[[], int]:
    """Bytes this process could hold beyond what it holds now, when this is called."""
    before = resident_bytes()
    return lambda: available_bytes() + max(0, resident_bytes() - before)


class Budget:
    """What weights and arrays may take together. `limit` is a person's wish; `machine` what there is.

    Without a limit the weights stay when they fit; else they stream, and a remark says so.
    """

    def __init__(self, limit: int | None, machine: Callable[[], int]) -> None:
        self._limit, self._machine, self._reserved = limit, machine, 0
        if limit is not None:
            keep_no_garbage()

    def bytes(self) -> int:
        """What the model's weights and arrays may take now."""
        return max(0, (self._limit or int(self._machine() * _USABLE)) - self._reserved)

    def reserve(self, held: int) -> None:
        """So much is held by others than the model."""
        self._reserved = held

    def beside(self) -> int:
        """What a second model may take now. Of a person's limit nothing: the two take turns in it."""
        return 0 if self.is_wished else int(available_bytes() * _USABLE)

    def parts(self, folder: ModelFolder, placement: Placement) -> Streamed:
        """The model's networks, streaming as this budget needs it."""
        room = Rooms(self, folder, placement)
        return Streamed(folder, placement.device, placement.dtypes, room, placement.attention)

    def parts_in_int8(self, folder: ModelFolder, placement: Placement) -> Streamed:
        """The model's networks with their weights in memory as int8; none stays as anything else."""
        from backends.core.streaming_int8 import Int8Files

        return Streamed(
            folder,
            placement.device,
            placement.dtypes,
            lambda part, shape: 0,
            placement.attention,
            Int8Files,
        )

    @property
    def is_wished(self) -> bool:
        return self._limit is not None


class Rooms:
    """How much of a budget the weights of one model's parts may keep (streaming.Room)."""

    def __init__(self, budget: Budget, folder: ModelFolder, placement: Placement) -> None:
        self._budget, self._remarks = budget, placement.remarks
        self._needs, self._scale = Needs(folder, placement.footprint), folder.facts.latent_scale
        self._on_disk = sum(
            path.stat().st_size for part in folder.parts for path in folder.weight_files(part)
        )
        self._widest = max(autoencoders.widths(folder.configs["vae"]))

    def __call__(self, part: str, shape: Shape) -> int | None:
        total = self._budget.bytes()
        if self._plainly_fits(shape, total):
            return None
        arrays = self._needs.arrays(part, (shape[-1] * self._scale, shape[-2] * self._scale), shape[0])
        arrays += 4 * self._needs.largest_layer(part) + int(_SPARE * total)
        staying = (each for each in self._needs.networks if kind(each) in _STAYING)
        if sum(map(self._needs.weights, staying)) + arrays <= total:
            return None
        if not self._budget.is_wished:
            fallback.say(self._remarks, fallback.STREAMED)
        return max(0, total - arrays)

    def _plainly_fits(self, shape: Shape, total: int) -> bool:
        """Without asking the ledger: weights as float32 and the decoder's dozen widest arrays."""
        pixels = shape[-1] * shape[-2] * self._scale**2
        return 2 * self._on_disk + 12 * 4 * self._widest * pixels < total

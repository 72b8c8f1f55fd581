"""Two models for one request: the second is opened when it is first needed.

Both stay where memory allows. Where it does not they take turns: whichever is not at work gives its weights
back, and the first begins several pictures before the second finishes them, so that they change seldom.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from backends.core.contract import Backend, InvalidRequest, ModelFacts, OutOfMemory, Stages
from backends.core.fit import FITS, Size, predict_beside
from backends.core.model_folder import made_for, open_folder

_AT_ONCE = 8
"""Pictures that wait half-made for the second model, at most."""
_TRAINED = ("epsilon", "v_prediction", "sample")


class Relay:
    """The second model of requests to one first model, on the same backend with the same options."""

    def __init__(self, backend: Backend, folder: Path, options: Mapping[str, str]) -> None:
        self._backend, self._folder, self._options = backend, folder, options
        self._stages: Stages | None = None
        self._wanted: tuple[Size, int] | None = None
        self._together: bool | None = None

    @cached_property
    def facts(self) -> ModelFacts:
        """What the second model is; its weights are not touched. Raises BrokenModel."""
        return open_folder(self._folder).facts

    def check(self, first: Stages) -> None:
        """Raises InvalidRequest when it can't go on where this one stops, BrokenModel for a broken one."""
        if getattr(first, "rest", None) is None:
            raise InvalidRequest(
                "A converted model can't be followed by a refiner.",
                "Choose the model that it was made from, or leave the refiner out.",
            )
        if target := made_for(self._folder):
            raise InvalidRequest(
                f"The refiner {self.facts.name} was converted for {target}.",
                "Choose the model that it was made from.",
            )
        if not _can_follow(first.facts, self.facts):
            raise InvalidRequest(
                f"{self.facts.name} can't finish pictures of {first.facts.name}.",
                "Choose a refiner for models of this kind, or leave it out.",
            )

    def begin(self, size: Size, batch: int) -> None:
        """The first model is to begin pictures of this size: the second, if it is open, makes room for it."""
        if self._wanted != (size, batch):
            self._wanted, self._together = (size, batch), None
        if not self._together:
            self.give_back()

    def pictures_at_once(self, first: Stages) -> int:
        """How many are begun before the second model's turn. Asked when the first has its weights."""
        if self._together is None:
            self._together = self._fits_beside(first)
        return 1 if self._together else _AT_ONCE

    @property
    def is_at_hand(self) -> bool:
        """Whether taking over costs nothing: it is open, and has its weights."""
        return self._stages is not None and bool(self._together)

    def take_over(self, first: Stages) -> Stages:
        """The second model, ready. Raises OutOfMemory or BrokenModel."""
        if not self._together:
            _rest(first)
        if self._stages is None:
            self._stages = self._opened(first)
        assert self._wanted is not None
        self._stages.check_size(*self._wanted[0])
        return self._stages

    def give_back(self) -> None:
        """The first model's turn: where both have no room, the second gives its weights back."""
        if self._stages is not None and not self._together:
            _rest(self._stages)

    def close(self) -> None:
        if self._stages is not None:
            self._stages.close()
            self._stages = None

    def _opened(self, first: Stages) -> Stages:
        try:
            return self._backend.open(self._folder, self._options)
        except OutOfMemory:
            if not self._together:
                raise
        self._together = False
        _rest(first)
        return self._backend.open(self._folder, self._options)

    def _fits_beside(self, first: Stages) -> bool:
        """By what is predicted for it alone, in what the first model leaves."""
        footprint: Any | None = getattr(self._backend, "footprint", None)
        left: Callable[[], int] | None = getattr(first, "bytes_beside", None)
        if footprint is None or left is None or self._wanted is None:
            return False
        size, batch = self._wanted
        return predict_beside(open_folder(self._folder), footprint, size, left(), batch).verdict == FITS


def _can_follow(first: ModelFacts, second: ModelFacts) -> bool:
    """A refiner for this family, or another model of it whose latents are the same."""
    both = (first, second)
    plain = all(each.prediction_type in _TRAINED for each in both)
    told = any(each.takes_mask or each.takes_depth for each in both)
    related = first.family in second.refines or (first.family == second.family and not first.refines)
    alike = (first.latent_channels, first.latent_scale) == (second.latent_channels, second.latent_scale)
    return plain and not told and related and alike


def _rest(stages: Stages) -> None:
    rest: Callable[[], None] | None = getattr(stages, "rest", None)
    if rest is not None:
        rest()

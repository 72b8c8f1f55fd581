"""Where the networks are on a card: those that stay once loaded, and those that go when another runs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from backends.core.fit import kind
from backends.core.memory import trim
from backends.core.model_folder import ModelFolder

if TYPE_CHECKING:
    from backends.core.placement import Placement

_FIELDS = {
    "text_encoder": "text_dtype",
    "text_encoder_2": "text_dtype",
    "text_encoder_3": "text_dtype",
    "unet": "unet_dtype",
    "transformer": "unet_dtype",
    "vae": "vae_dtype",
}


class Keeping:
    """Loads a part when it is first used (see parts.Parts). Only those in `keeps` outlast the next one."""

    def __init__(self, folder: ModelFolder, placement: Placement, keeps: tuple[str, ...]) -> None:
        self._folder, self._placement, self._keeps = folder, placement, keeps
        self.held: dict[str, Any] = {}

    def use(self, part: str, shape: tuple[int, ...]) -> Any:
        self._drop([name for name in self.held if name != part and kind(name) not in self._keeps])
        if part not in self.held:
            self.held[part] = self._placement.load(self._folder, part, self._placement)
        return self.held[part]

    def module(self, part: str) -> Any:
        return self.use(part, ())

    def reload(self, part: str, dtype: torch.dtype) -> None:
        self._drop([part] if part in self.held else [])
        fields: dict[str, Any] = {_FIELDS[part]: dtype}
        self.held[part] = self._placement.load(self._folder, part, replace(self._placement, **fields))

    def close(self) -> None:
        self._drop(list(self.held))

    def _drop(self, names: list[str]) -> None:
        for name in names:
            del self.held[name]
        if names:
            trim()
            torch.cuda.empty_cache()

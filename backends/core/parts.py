"""Where the networks are between uses: all on the device, or one at a time.

The third answer, layer by layer from the file, is streaming.Streamed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import torch

from backends.core.memory import trim
from backends.core.model_folder import ModelFolder
from backends.core.streaming_files import build_empty, fill, open_weights

if TYPE_CHECKING:
    from backends.core.placement import Placement

Loader = Callable[[ModelFolder, str, "Placement"], Any]
"""Brings one part to the placement's device: a module in eval mode, in the placement's precision."""


class Parts(Protocol):
    """The three networks of a model: "text_encoder", "unet" and "vae"."""

    def use(self, part: str, shape: tuple[int, ...]) -> Any:
        """The part's module, ready to run on an input of this shape (a VAE's is its latents')."""
        ...

    def module(self, part: str) -> Any:
        """The part's module, as it is: for hooks that look inside."""
        ...

    def reload(self, part: str, dtype: torch.dtype) -> None:
        """Loads a part again, to compute in another type."""
        ...

    def close(self) -> None: ...


def load_on_device(folder: ModelFolder, part: str, placement: Placement) -> Any:
    """A part straight to the device, tensor by tensor: the whole is never in memory besides."""
    module = load_plain(folder, part, placement.device, placement.dtypes[part])
    set_attention(module, part, placement.attention)
    return module


def load_plain(folder: ModelFolder, part: str, device: torch.device, dtype: torch.dtype) -> Any:
    """A part's own layers with their weights, in one type on one device."""
    module = build_empty(folder, part, dtype)
    weights = open_weights(folder, part, module)
    fill(module, weights, device, dtype)
    weights.close()
    return module


def set_attention(module: Any, part: str, processor: Any | None) -> None:
    """Sets a diffusers attention processor, where a part has such. A transformer's are its own kind's."""
    if processor is not None and part in ("unet", "vae") and hasattr(module, "set_attn_processor"):
        module.set_attn_processor(processor)


class Resident:
    """All parts are loaded at once and stay: for unified memory, and for cards with room."""

    def __init__(self, folder: ModelFolder, placement: Placement) -> None:
        self._folder, self._placement = folder, placement
        self._modules: dict[str, Any] = {
            part: placement.load(folder, part, placement) for part in folder.parts
        }

    def use(self, part: str, shape: tuple[int, ...]) -> Any:
        return self._modules[part]

    def module(self, part: str) -> Any:
        return self._modules[part]

    def reload(self, part: str, dtype: torch.dtype) -> None:
        self._modules.pop(part, None)
        self._modules[part] = _in_type(self._folder, part, self._placement, dtype)

    def close(self) -> None:
        self._modules = {}
        trim()


def _in_type(folder: ModelFolder, part: str, placement: Placement, dtype: torch.dtype) -> Any:
    """By the placement's own loader in its own type, else plainly."""
    if dtype == placement.dtypes[part]:
        return placement.load(folder, part, placement)
    module = load_plain(folder, part, placement.device, dtype)
    set_attention(module, part, placement.attention)
    return module

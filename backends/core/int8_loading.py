"""Brings a UNet to its device with most of its weights as 8 or 4 bits, tensor by tensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from backends.core import int8_weights
from backends.core.int8_exact import outermost
from backends.core.model_folder import ModelFolder
from backends.core.parts import Loader, load_on_device, set_attention
from backends.core.streaming_files import build_empty, fill, open_weights

if TYPE_CHECKING:
    from backends.core.placement import Placement

Hold = Callable[[nn.Module, Tensor], None]


def _llm_int8() -> Hold:
    from backends.core.bnb_layers import hold_int8

    return hold_int8


def _nf4() -> Hold:
    from backends.core.bnb_layers import hold_nf4

    return hold_nf4


SCHEMES: dict[str, Callable[[], Hold]] = {
    "int8": _llm_int8,
    "nf4": _nf4,
    "stored int8": lambda: int8_weights.hold,
}
"""How linear layers are held. Convolutions, and the few linear layers that see only the time step, are
stored as int8 in every scheme."""


def load_held(scheme: str) -> Loader:
    """A loader for placement.Placement: the UNet held by this scheme, the other parts as they are."""

    def load(folder: ModelFolder, part: str, placement: Placement) -> Any:
        if part != folder.denoiser:
            return load_on_device(folder, part, placement)
        return _load_unet(folder, placement, SCHEMES[scheme]())

    return load


def _load_unet(folder: ModelFolder, placement: Placement, hold_linear: Hold) -> nn.Module:
    unet = build_empty(folder, folder.denoiser, placement.unet_dtype)
    weights = open_weights(folder, folder.denoiser, unet)
    is_exact = outermost(weights.stored)
    for name, layer in int8_weights.holders(unet):
        if not is_exact(name):
            stored = not isinstance(layer, nn.Linear) or sees_only_time(name)
            hold = int8_weights.hold if stored else hold_linear
            hold(layer, weights.tensor(f"{name}.weight").to(placement.device))
    fill(unet, weights, placement.device, placement.unet_dtype)
    weights.close()
    set_attention(unet, folder.denoiser, placement.attention)
    return unet


def sees_only_time(name: str) -> bool:
    """A projection of the time embedding: one row of inputs, so there is nothing to gain from their int8."""
    return name.endswith("time_emb_proj")

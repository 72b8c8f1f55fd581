"""Where a model's networks run, in which precision, and how they get there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from backends.core.fit import PARTS, Footprint
from backends.core.model_folder import ModelFolder
from backends.core.parts import Loader, Parts, Resident, load_on_device
from backends.core.tiling import ALL_WAYS, DecodeWay


def _nothing() -> None:
    """The hook that does nothing."""


def _counted(held: int) -> None:
    """For devices whose free bytes are counted, not calculated: what is held is not among them anyway."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where the networks run, in which precision each computes, and how they get there.

    `free_bytes`: what arrays may still take on the device; `beside_bytes` what a second model may, where that
    is less. `reserve` is told how many bytes ControlNets hold beside the model. `load` brings one part there;
    `parts` decides where the networks are between uses. `attention` is a diffusers attention processor for
    UNet and VAE. `decode` are the ways to decode, the best first. `before_picture` is called before a
    request's first network runs, `after_picture` after each decoding. `remarks` collects sentences for the
    person waiting.
    `held_as` is for the record: what weights are kept as, where they are not in the precisions above. So is
    `vae_tile`: how a person wants pictures decoded.
    """

    backend: str
    device: torch.device
    text_dtype: torch.dtype = torch.float32
    unet_dtype: torch.dtype = torch.float32
    vae_dtype: torch.dtype = torch.float32
    free_bytes: Callable[[], int]
    beside_bytes: Callable[[], int] | None = None
    load: Loader = load_on_device
    parts: Callable[[ModelFolder, Placement], Parts] = Resident
    attention: Any | None = None
    decode: tuple[DecodeWay, ...] = ALL_WAYS
    reserve: Callable[[int], None] = _counted
    before_picture: Callable[[], None] = _nothing
    after_picture: Callable[[], None] = _nothing
    remarks: list[str] = field(default_factory=list[str])
    held_as: str = ""
    vae_tile: str = ""

    @property
    def dtypes(self) -> dict[str, torch.dtype]:
        """What each part computes in."""
        kinds = dict(zip(PARTS, (self.text_dtype, self.unet_dtype, self.vae_dtype), strict=True))
        texts = dict.fromkeys(("text_encoder_2", "text_encoder_3"), self.text_dtype)
        return {**kinds, **texts, "transformer": self.unet_dtype}

    @property
    def precision(self) -> str:
        """For the record: "float32", or one word a network where they differ, and how weights are held."""
        names = [str(self.dtypes[part]).removeprefix("torch.") for part in PARTS]
        same = len(set(names)) == 1
        told = names[0] if same else f"text {names[0]}, unet {names[1]}, vae {names[2]}"
        return f"{told}, weights {self.held_as}" if self.held_as else told

    @property
    def footprint(self) -> Footprint:
        """For predictions of memory: what weights and arrays take with these precisions."""
        sizes = {part: dtype.itemsize for part, dtype in self.dtypes.items()}
        return Footprint(linear=sizes, elsewhere=sizes, number=sizes)

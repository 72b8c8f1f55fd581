"""The parts of a single file, with the names that diffusers and transformers give their tensors.

The mapping of names is diffusers' own, called with configurations that we make: it asks no network.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from safetensors import safe_open

from convert.source.configs import used_layers
from convert.source.header import read_header
from convert.source.kinds import CLIP, OPEN_CLIP, UNET, VAE, normal_name

_SMALL_FLOATS = ("torch.float8_e4m3fn", "torch.float8_e5m2")


def unet_tensors(path: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """The UNet's tensors, by diffusers' names."""
    return _mapping().convert_ldm_unet_checkpoint(_read(path, UNET), config)


def vae_tensors(path: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """The autoencoder's tensors, by diffusers' names."""
    return _mapping().convert_ldm_vae_checkpoint(_read(path, VAE), config)


def text_tensors(path: Path, version: int, width: int) -> dict[str, Any]:
    """The text encoder's tensors, by transformers' names of today, which begin with no "text_model."."""
    if version == 1:
        found = {key.removeprefix(CLIP): value for key, value in _read(path, CLIP).items()}
    else:
        found = _open_clip(path, width)
    plain = {key.removeprefix("text_model."): value for key, value in found.items()}
    return {key: value for key, value in plain.items() if not key.endswith("position_ids")}


def _open_clip(path: Path, width: int) -> dict[str, Any]:
    shapes = read_header(path).shapes
    last = f"{OPEN_CLIP}transformer.resblocks.{used_layers(shapes)}."
    unused = (last, OPEN_CLIP + "text_projection", OPEN_CLIP + "logit_scale")
    kept = {key: value for key, value in _read(path, OPEN_CLIP).items() if not key.startswith(unused)}
    model = SimpleNamespace(config=SimpleNamespace(hidden_size=width))
    return _mapping().convert_open_clip_checkpoint(model, kept, OPEN_CLIP)


def _mapping() -> Any:
    from diffusers.loaders import single_file_utils

    return single_file_utils


def _read(path: Path, prefix: str) -> dict[str, Any]:
    opened = cast(Any, safe_open(path, framework="pt"))
    with opened as file:
        names = {normal_name(key): key for key in cast(list[str], file.keys())}
        return {n: _usable(file.get_tensor(key)) for n, key in names.items() if n.startswith(prefix)}


def _usable(tensor: Any) -> Any:
    """Eight-bit floats are for keeping only: nothing here computes with them."""
    return tensor.half() if str(tensor.dtype) in _SMALL_FLOATS else tensor

"""The parts of a single file, with the names that diffusers and transformers give their tensors.

The mapping of names is diffusers' own, called with configurations that we make: it asks no network.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from safetensors import safe_open

from convert.source import sd3
from convert.source.configs import all_layers, is_diffusers_vae, used_layers
from convert.source.header import Header
from convert.source.kinds import CLIP, CLIP_XL, OPEN_CLIP, UNET, VAE, normal_name, second_text

_INNER = "text_model."


def part_tensors(path: Path, header: Header, part: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """One part's tensors by the library's names. `header` is the file's, with normal names."""
    if part == "unet":
        return _mapping().convert_ldm_unet_checkpoint(_read(path, UNET), config)
    if part == "vae":
        return _vae(path, header, config)
    if part == "transformer":
        return sd3.transformer_tensors(_read(path, UNET))
    if sd3_tensors := _read(path, sd3.CLIPS[part]):
        return sd3.text_tensors(sd3_tensors, part, config["hidden_size"])
    if part == "text_encoder":
        return _first_text(path, header, config["hidden_size"])
    return _second_text(path, header, config["hidden_size"])


def _vae(path: Path, header: Header, config: Mapping[str, Any]) -> dict[str, Any]:
    tensors = _read(path, VAE)
    if is_diffusers_vae(header.shapes):
        return {key.removeprefix(VAE): value for key, value in tensors.items()}
    return _mapping().convert_ldm_vae_checkpoint(tensors, config)


def _first_text(path: Path, header: Header, width: int) -> dict[str, Any]:
    """With transformers' names of today, which for a plain text encoder begin with no "text_model."."""
    found = _clip(path) or _open_clip(path, OPEN_CLIP, used_layers(header.shapes), width)
    inner = {key.removeprefix(_INNER): value for key, value in found.items() if key.startswith(_INNER)}
    return {key: value for key, value in inner.items() if not key.endswith("position_ids")}


def _second_text(path: Path, header: Header, width: int) -> dict[str, Any]:
    stem = second_text(header.shapes)
    layers = all_layers(header.shapes, stem)
    found = _clip(path) if not layers else _open_clip(path, stem, layers, width)
    return {key: value for key, value in found.items() if not key.endswith("position_ids")}


def _clip(path: Path) -> dict[str, Any]:
    """Tensors that have transformers' names already, behind one of the two prefixes."""
    found = {prefix: _read(path, prefix) for prefix in (CLIP, CLIP_XL)}
    return {key.removeprefix(prefix): t for prefix, all in found.items() for key, t in all.items()}


def _open_clip(path: Path, prefix: str, layers: int, width: int) -> dict[str, Any]:
    unused = (f"{prefix}transformer.resblocks.{layers}.", prefix + "logit_scale")
    if prefix == OPEN_CLIP:
        unused += (prefix + "text_projection",)
    kept = {key: value for key, value in _read(path, prefix).items() if not key.startswith(unused)}
    model = SimpleNamespace(config=SimpleNamespace(hidden_size=width))
    return _mapping().convert_open_clip_checkpoint(model, kept, prefix)


def _mapping() -> Any:
    from diffusers.loaders import single_file_utils

    return single_file_utils


def _read(path: Path, prefix: str) -> dict[str, Any]:
    with cast(Any, safe_open(path, framework="pt")) as file:
        names = {normal_name(key): key for key in cast(list[str], file.keys())}
        return {name: file.get_tensor(key) for name, key in names.items() if name.startswith(prefix)}

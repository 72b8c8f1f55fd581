"""The transformer of a Z-Image model in a file, as ComfyUI keeps it. All else comes from a model folder.

The mapping of names is diffusers' own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from safetensors import safe_open

from backends.core.contract import BrokenModel, InvalidRequest
from backends.core.model_folder import ModelFolder, open_folder
from convert.source.kinds import UNET, Shapes
from convert.source.single_file import usable

_OWN = ("x_pad_token", "cap_pad_token", "noise_refiner.0.attention.qkv.weight")
"""Lumina's transformers are built alike, but have no tokens that fill up."""
_PART = "transformer"


def is_transformer(shapes: Shapes) -> bool:
    """Whether these are the tensors of a Z-Image transformer, with ComfyUI's names."""
    return any(all(f"{prefix}{name}" in shapes for name in _OWN) for prefix in ("", UNET))


def put_together(
    folder: Path, weights: Path, name: str, base: Path | None, link: Callable[[Path, Path], object]
) -> dict[str, Any]:
    """Links all but the transformer's weights from `base`, and gives these, by diffusers' names.

    Raises BrokenModel or InvalidRequest.
    """
    model = _opened(name, base)
    for part in ("model_index.json", *model.configs):
        if part != _PART:
            link(model.path / part, folder / part)
    link(model.path / _PART / "config.json", folder / _PART / "config.json")
    tensors = _converted(weights)
    if _shapes(tensors) != _wanted(model):
        raise BrokenModel(
            f"{name} does not fit the Z-Image model in {model.path.name}.",
            "Get the file again, or give the model that it was made from with --base.",
        )
    return tensors


def _opened(name: str, base: Path | None) -> ModelFolder:
    if base is None:
        raise BrokenModel(
            f"{name} holds the transformer of a Z-Image model, and no text encoder or VAE.",
            "Give a Z-Image model that has them with --base.",
        )
    model = open_folder(base)
    if model.facts.family != "zimage":
        raise InvalidRequest(f"{base.name} is no Z-Image model.", "Give one with --base.")
    return model


def _converted(weights: Path) -> dict[str, Any]:
    from diffusers.loaders import single_file_utils

    opened = cast(Any, safe_open(weights, framework="pt"))
    with opened as file:
        names = cast(list[str], file.keys())
        own = [key for key in names if key.startswith(UNET)] or names
        stored = {key: usable(file.get_tensor(key)) for key in own}
    mapping: Any = single_file_utils
    return mapping.convert_z_image_transformer_checkpoint_to_diffusers(stored)


def _shapes(tensors: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    return {key: tuple(tensor.shape) for key, tensor in tensors.items()}


def _wanted(model: ModelFolder) -> dict[str, tuple[int, ...]]:
    from backends.core.streaming_files import build_empty

    return _shapes(dict(build_empty(model, _PART).named_parameters()))

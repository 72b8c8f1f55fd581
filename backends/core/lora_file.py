"""The file of a LoRA: the changes it holds, by its own names of the layers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from backends.core.contract import InvalidRequest
from backends.core.lora_change import Change
from backends.core.lora_keys import by_layer, is_half, is_whole, unreadable_kind

Target = tuple[str, str]
"""The name in the file of a layer, and which of its parameters is changed: "weight" or "bias"."""
_AGAIN = "Get it again, or choose another LoRA."


def read(file: Path) -> dict[Target, Change]:
    """The changes that the file holds. Raises InvalidRequest for one that is no LoRA, or is damaged."""
    stored, alpha_of = _tensors(file), _alphas(file)
    if kind := unreadable_kind(stored):
        raise InvalidRequest(f"{file.name} is {kind}, which this version can't read.", "Choose another LoRA.")
    found: dict[Target, Change] = {}
    for layer, factors in by_layer(stored).items():
        if is_half(factors):
            raise InvalidRequest(f"{file.name} is damaged: a part of {layer} is missing.", _AGAIN)
        found |= _changes(layer, _exact(file, layer, {**alpha_of(layer, factors), **factors}))
    if not found:
        raise InvalidRequest(f"{file.name} holds no LoRA.", "Give a LoRA's .safetensors file.")
    return found


def _tensors(file: Path) -> dict[str, Tensor]:
    reader: Any = safetensors.torch
    try:
        return reader.load_file(file)
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        raise InvalidRequest(
            f"{file.name} can't be read as a LoRA.", "Give a LoRA's .safetensors file."
        ) from error


def _exact(file: Path, layer: str, factors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """In float32. Raises InvalidRequest for values that are no numbers."""
    exact = {name: tensor.float() for name, tensor in factors.items()}
    if "magnitude" in exact:  # peft's lengths are of rows, in a shape that LyCORIS has for columns
        exact["dora_scale"] = exact.pop("magnitude").flatten()
    if not all(bool(tensor.isfinite().all()) for tensor in exact.values()):
        raise InvalidRequest(f"{file.name} is damaged: {layer} holds values that are no numbers.", _AGAIN)
    return exact


def _changes(layer: str, factors: Mapping[str, Tensor]) -> dict[Target, Change]:
    """Those of the layer's weight and of its bias, as far as they are there."""
    found: dict[Target, Change] = {}
    if is_whole(factors):
        found[layer, "weight"] = Change(factors)
    if "up_bias" in factors:
        scale = float(factors["alpha"]) / len(factors["down"]) if "alpha" in factors else 1.0
        found[layer, "bias"] = Change({"diff": scale * factors["up_bias"]})
    if "diff_b" in factors:
        found[layer, "bias"] = Change({"diff": factors["diff_b"]})
    return found


def _alphas(file: Path) -> Callable[[str, Mapping[str, Tensor]], dict[str, Tensor]]:
    """A layer's alpha where the file's metadata says it, as diffusers writes peft's settings there."""
    opening: Any = safetensors.safe_open
    with opening(file, "pt") as opened:
        text = cast(dict[str, str], opened.metadata() or {}).get("lora_adapter_metadata", "{}")
    try:
        settings = cast(dict[str, Any], json.loads(text))
    except ValueError:
        settings = {}

    def alpha_of(layer: str, factors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        part, _, name = layer.partition(".")
        patterns = cast(dict[str, float], settings.get(f"{part}.alpha_pattern") or {})
        of_layer = (alpha for key, alpha in patterns.items() if f".{name}".endswith(f".{key}"))
        alpha = next(of_layer, settings.get(f"{part}.lora_alpha"))
        if alpha is None:
            return {}
        by_root = bool(settings.get(f"{part}.use_rslora")) and "down" in factors
        return {"alpha": torch.tensor(float(alpha) * (math.sqrt(len(factors["down"])) if by_root else 1.0))}

    return alpha_of

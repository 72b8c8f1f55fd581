"""The file of a LoRA: the changes it holds, by its own names of the layers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from backends.core.contract import InvalidRequest
from backends.core.lora_change import Change

_PAIRS = (
    ("lora_A", "lora_B"),
    ("lora_A.default", "lora_B.default"),
    ("lora.down", "lora.up"),
    ("lora_down", "lora_up"),
    ("down", "up"),
)
_UNREADABLE = {
    "dora_scale": "DoRA",
    "lora_magnitude_vector": "DoRA",
    "hada_t1": "a LoHa of convolutions",
    "lokr_t1": "a LoKr of convolutions",
    "lokr_t2": "a LoKr of convolutions",
    "oft_blocks": "OFT",
    "oft_diag": "OFT",
    "diff": "a full difference",
    "on_input": "an IA3",
}


def read(file: Path) -> dict[str, Change]:
    """The changes by the layers' names in the file. Raises InvalidRequest for a file that is no LoRA."""
    reader: Any = safetensors.torch
    try:
        stored: dict[str, Tensor] = reader.load_file(file)
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        raise InvalidRequest(
            f"{file.name} can't be read as a LoRA.", "Give a LoRA's .safetensors file."
        ) from error
    gathered, alpha_of = dict[str, dict[str, Tensor]](), _alphas(file)
    for key, tensor in stored.items():
        layer, name = _split(key)
        if name in _UNREADABLE:
            raise InvalidRequest(
                f"{file.name} is {_UNREADABLE[name]}, which this version can't read.", "Choose another LoRA."
            )
        gathered.setdefault(layer, {})[name] = tensor.float()
    whole = {
        layer: Change({**alpha_of(layer), **tensors})
        for layer, tensors in gathered.items()
        if _is_whole(tensors)
    }
    if not whole:
        raise InvalidRequest(f"{file.name} holds no LoRA.", "Give a LoRA's .safetensors file.")
    return whole


def _alphas(file: Path) -> Callable[[str], dict[str, Tensor]]:
    """A layer's alpha where the file's metadata says it, as diffusers writes peft's settings there."""
    opening: Any = safetensors.safe_open
    with opening(file, "pt") as opened:
        text = cast(dict[str, str], opened.metadata() or {}).get("lora_adapter_metadata", "{}")
    try:
        settings = cast(dict[str, Any], json.loads(text))
    except ValueError:
        settings = {}

    def alpha_of(layer: str) -> dict[str, Tensor]:
        part, _, name = layer.partition(".")
        patterns = cast(dict[str, float], settings.get(f"{part}.alpha_pattern") or {})
        alpha = patterns.get(name, settings.get(f"{part}.lora_alpha"))
        return {} if alpha is None else {"alpha": torch.tensor(float(alpha))}

    return alpha_of


def _split(key: str) -> tuple[str, str]:
    """ "unet.LAYER.lora_A.weight" -> the layer, and "down"."""
    stem = key.removesuffix(".weight")
    for down, up in _PAIRS:
        for written, name in ((down, "down"), (up, "up")):
            if stem.endswith(f".{written}"):
                return stem.removesuffix(f".{written}"), name
    layer, _, name = stem.rpartition(".")
    return layer, "mid" if name == "lora_mid" else name


def _is_whole(tensors: Mapping[str, Tensor]) -> bool:
    hadamard = {f"hada_w{n}_{side}" for n in (1, 2) for side in "ab"}
    kronecker = all(
        f"lokr_w{n}" in tensors or {f"lokr_w{n}_a", f"lokr_w{n}_b"} <= tensors.keys() for n in (1, 2)
    )
    return {"down", "up"} <= tensors.keys() or hadamard <= tensors.keys() or kronecker

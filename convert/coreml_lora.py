"""Adds a LoRA to a network's weights for good (Hu et al. 2021).

Reads the two layouts in use: diffusers' and peft's (`unet.LAYER.lora_A.weight`), and kohya's
(`lora_unet_LAYER_WITH_UNDERSCORES.lora_down.weight`, with `alpha`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import safetensors.torch
import torch
from torch import Tensor

from backends.core.contract import InvalidRequest
from backends.core.model_folder import sha256
from convert.recipes import BakedLora

_KOHYA: Final = {"unet": "lora_unet_", "text_encoder": "lora_te_", "text_encoder_2": "lora_te2_"}
_HALVES: Final = (
    (".lora_A.weight", ".lora_B.weight"),
    (".lora.down.weight", ".lora.up.weight"),
    (".lora_down.weight", ".lora_up.weight"),
)


@dataclass(frozen=True)
class Pair:
    """A layer's change: up @ down, times alpha / rank where there is an alpha."""

    down: Tensor
    up: Tensor
    alpha: float | None

    def change(self, shape: torch.Size) -> Tensor:
        """The change of a weight of this shape."""
        rank = self.down.shape[0]
        product = self.up.float().flatten(1) @ self.down.float().flatten(1)
        return product.reshape(shape) * (1.0 if self.alpha is None else self.alpha / rank)


def read_pairs(lora: BakedLora) -> dict[str, Pair]:
    """The changes by the layer's name as the file has it. Raises InvalidRequest for a file that is none."""
    reader: Any = safetensors.torch
    try:
        tensors: dict[str, Tensor] = reader.load_file(lora.file)
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        raise InvalidRequest(
            f"{lora.file.name} can't be read as a LoRA.", "Give a .safetensors file."
        ) from error
    found = {
        key.removesuffix(down): Pair(
            tensors[key], tensors[key.removesuffix(down) + up], _alpha(tensors, key, down)
        )
        for down, up in _HALVES
        for key in tensors
        if key.endswith(down) and key.removesuffix(down) + up in tensors
    }
    if not found:
        raise InvalidRequest(f"{lora.file.name} holds no LoRA.", "Give a LoRA's .safetensors file.")
    return found


@torch.no_grad()
def bake(module: Any, part: str, lora: BakedLora) -> int:
    """Adds what the file has for this part, and returns for how many layers. Raises InvalidRequest."""
    layers = _names(module, part)
    pairs = {layers[name]: pair for name, pair in read_pairs(lora).items() if name in layers}
    weights: Mapping[str, Tensor] = dict(module.named_parameters())
    for layer, pair in pairs.items():
        weight = weights[f"{layer}.weight"]
        try:
            weight += lora.scale * pair.change(weight.shape)
        except RuntimeError as error:
            raise InvalidRequest(
                f"{lora.file.name} is for a model of another kind.", "Choose a LoRA made for this model."
            ) from error
    return len(pairs)


def check_fits(unet: Any, lora: BakedLora) -> None:
    """Raises InvalidRequest when none of the file's layers is one of the UNet's."""
    if not set(_names(unet, "unet")) & set(read_pairs(lora)):
        raise InvalidRequest(
            f"{lora.file.name} is for a model of another kind.", "Choose a LoRA made for this model."
        )


def _names(module: Any, part: str) -> dict[str, str]:
    """Every name that files have for a layer of this part -> the layer's own."""
    own = [name.removesuffix(".weight") for name, _ in module.named_parameters() if name.endswith(".weight")]
    found = {f"{part}.{name}": name for name in own}
    for name in own:
        old = name if part == "unet" else f"text_model.{name}"
        found |= {f"{part}.{old}": name, f"{_KOHYA.get(part, part)}{old.replace('.', '_')}": name}
    return found


def _alpha(tensors: Mapping[str, Tensor], key: str, down: str) -> float | None:
    alpha = tensors.get(f"{key.removesuffix(down)}.alpha")
    return None if alpha is None else float(alpha)


def digest(lora: BakedLora) -> str:
    """The file's SHA-256. Raises InvalidRequest when it is not there."""
    try:
        return sha256(lora.file)
    except OSError as error:
        raise InvalidRequest(f"There is no LoRA {lora.file}.", "Give a .safetensors file.") from error

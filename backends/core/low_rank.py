"""A low-rank change of a network's weights, in the layout that diffusers and peft read as a LoRA.

For each changed layer the file holds `unet.LAYER.lora_A.weight` (rank, in, ...) and
`unet.LAYER.lora_B.weight` (out, rank, ...); their product is added to the layer's weight (Hu et al. 2021).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from backends.core.contract import BrokenModel

_DOWN, _UP = ".lora_A.weight", ".lora_B.weight"


@dataclass(frozen=True)
class LowRank:
    """The change of one weight."""

    down: Tensor
    up: Tensor

    def added_to(self, weight: Tensor) -> Tensor:
        """The changed weight, in the weight's own type."""
        return weight + (self.up.flatten(1) @ self.down.flatten(1)).view_as(weight).to(weight)


def read(file: Path, prefix: str = "unet.") -> dict[str, LowRank]:
    """The changes by the names of the weights they change. Raises BrokenModel."""
    reader: Any = safetensors.torch
    try:
        tensors: dict[str, Tensor] = reader.load_file(file)
        layers = [key.removesuffix(_DOWN) for key in tensors if key.endswith(_DOWN)]
        return {
            f"{layer.removeprefix(prefix)}.weight": LowRank(
                tensors[layer + _DOWN].float(), tensors[layer + _UP].float()
            )
            for layer in layers
        }
    except MemoryError:
        raise
    except Exception as error:
        raise misfit(file) from error


@torch.no_grad()
def merge(network: Any, file: Path, prefix: str = "unet.") -> None:
    """Adds the changes in the file to the network's weights. Raises BrokenModel when they do not fit."""
    weights: dict[str, Tensor] = dict(network.named_parameters())
    changes = read(file, prefix)
    try:
        for name, change in changes.items():
            weights[name].copy_(change.added_to(weights[name]))
    except (KeyError, RuntimeError) as error:
        raise misfit(file) from error


def misfit(file: Path) -> BrokenModel:
    """The error for a file of changes that are not for this model."""
    return BrokenModel(
        f"{file.parent.name}/{file.name} does not fit the model it changes.",
        "Copy or download the model again.",
    )

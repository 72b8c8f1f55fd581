"""A low-rank change of a network's weights, in the layout that diffusers and peft read as a LoRA.

For each changed layer the file holds `unet.LAYER.lora_A.weight` (rank, in, ...) and
`unet.LAYER.lora_B.weight` (out, rank, ...); their product is added to the layer's weight (Hu et al. 2021).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from backends.core.contract import BrokenModel

_DOWN, _UP = ".lora_A.weight", ".lora_B.weight"


@torch.no_grad()
def merge(network: Any, file: Path, prefix: str = "unet.") -> None:
    """Adds the changes in the file to the network's weights. Raises BrokenModel when they do not fit."""
    layers: dict[str, Any] = dict(network.named_modules())
    reader: Any = safetensors.torch
    try:
        tensors: dict[str, torch.Tensor] = reader.load_file(file)
        for name in (key.removesuffix(_DOWN) for key in tensors if key.endswith(_DOWN)):
            layer = layers[name.removeprefix(prefix)]
            down, up = tensors[name + _DOWN].float(), tensors[name + _UP].float()
            layer.weight += (up.flatten(1) @ down.flatten(1)).view_as(layer.weight).to(layer.weight)
    except Exception as error:
        raise BrokenModel(
            f"{file.parent.name}/{file.name} does not fit the model it changes.",
            "Copy or download the model again.",
        ) from error

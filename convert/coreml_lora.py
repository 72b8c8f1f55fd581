"""Adds a LoRA to a network's weights for good. What the files hold is read in backends/core/lora.py."""

from __future__ import annotations

from typing import Any

import torch

from backends.core import lora
from backends.core.contract import InvalidRequest
from backends.core.lora_fit import plain
from backends.core.model_folder import ModelFolder, sha256
from convert.recipes import BakedLora


@torch.no_grad()
def bake(module: Any, folder: ModelFolder, part: str, baked: BakedLora) -> int:
    """Adds what the file has for this part, and returns for how many layers. Raises InvalidRequest."""
    added = lora.additions(folder, [(baked.file, baked.scale)]).get(part, {})
    weights = [(plain(name), weight) for name, weight in module.named_parameters()]
    for name, weight in weights:
        if name in added:
            weight.copy_(added[name].added_to(weight))
    return len(added)


def check_fits(folder: ModelFolder, baked: BakedLora) -> None:
    """Raises InvalidRequest when the file is no LoRA, or one for another model."""
    lora.additions(folder, [(baked.file, baked.scale)])


def digest(baked: BakedLora) -> str:
    """The file's SHA-256. Raises InvalidRequest when it is not there."""
    try:
        return sha256(baked.file)
    except OSError as error:
        raise InvalidRequest(f"There is no LoRA {baked.file}.", "Give a .safetensors file.") from error

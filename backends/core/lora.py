"""LoRA files: small changes of a network's weights, added to them before they are used.

Read are LoRA, LoHa and LoKr (lora_change.py) under the names of diffusers, peft and kohya's scripts
(lora_names.py). DoRA and changes of other kinds are refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import torch

from backends.core.contract import InvalidRequest
from backends.core.lora_change import Change, Merged, plain
from backends.core.lora_file import read
from backends.core.lora_names import names_in_files
from backends.core.model_folder import ModelFolder
from backends.core.streaming_files import read_header

_ANOTHER = "Choose a LoRA made for this model."


Additions = Mapping[str, Mapping[str, Merged]]
"""By part, and by the weight's name without "text_model."."""


def additions(folder: ModelFolder, loras: Iterable[tuple[Path, float]]) -> Additions:
    """What these LoRAs, each this strong, add to a model's weights. Raises InvalidRequest for a misfit."""
    names, shapes = _layers_of(folder)
    found: dict[str, dict[str, list[tuple[Change, float]]]] = {}
    for file, strength in loras:
        matching = [(names[layer], change) for layer, change in read(file).items() if layer in names]
        if not matching:
            raise InvalidRequest(f"{file.name} is for a model of another kind.", _ANOTHER)
        for (part, weight), change in matching:
            _check_shape(file, change, shapes[part, weight])
            found.setdefault(part, {}).setdefault(weight, []).append((change, strength))
    return {
        part: {weight: Merged(tuple(changes)) for weight, changes in weights.items()}
        for part, weights in found.items()
    }


def _layers_of(folder: ModelFolder) -> tuple[dict[str, tuple[str, str]], dict[tuple[str, str], torch.Size]]:
    """Names in files -> part and weight; and the weights' shapes. Only the headers are read."""
    names: dict[str, tuple[str, str]] = {}
    shapes: dict[tuple[str, str], torch.Size] = {}
    for part in (part for part in folder.parts if part != "vae"):
        headers = [read_header(path) for path in folder.weight_files(part)]
        stored = {plain(name): each.shape for header in headers for name, each in header.items()}
        layers = [name.removesuffix(".weight") for name in stored if name.endswith(".weight")]
        names |= {key: (part, f"{layer}.weight") for key, layer in names_in_files(part, layers).items()}
        shapes |= {(part, name): torch.Size(shape) for name, shape in stored.items()}
    return names, shapes


def _check_shape(file: Path, change: Change, shape: torch.Size) -> None:
    try:
        change.check(shape)
    except ValueError as error:
        raise InvalidRequest(f"{file.name} is for a model of another kind.", _ANOTHER) from error

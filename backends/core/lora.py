"""LoRA files: small changes of a network's weights, added to them before they are used.

Read are LoRA, DoRA, LoHa, LoKr and plain differences (lora_change.py), of weights and of biases, under the
names of diffusers, peft, kohya's scripts, ComfyUI and others (lora_names.py). Other kinds are refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import torch

from backends.core import lora_fit
from backends.core.contract import InvalidRequest
from backends.core.lora_change import Change, Merged
from backends.core.lora_facts import read_facts
from backends.core.lora_file import Target, read
from backends.core.lora_fit import Model, impossible
from backends.core.lora_places import is_one_layer, spans
from backends.core.model_folder import ModelFolder

_ANOTHER = "Choose a LoRA made for this model."


Additions = Mapping[str, Mapping[str, Merged]]
"""By part, and by the parameter's plain name (lora_fit.plain)."""


def additions(folder: ModelFolder, loras: Iterable[tuple[Path, float]]) -> Additions:
    """What these LoRAs, each this strong, add to a model's weights. Raises InvalidRequest for a misfit."""
    model = lora_fit.read_model(folder)
    found: dict[str, dict[str, list[tuple[Change, float]]]] = {}
    for file, strength in loras:
        for (part, name), change in _in_place(file, model).items():
            found.setdefault(part, {}).setdefault(name, []).append((change, strength))
    return {
        part: {weight: Merged(tuple(changes)) for weight, changes in weights.items()}
        for part, weights in found.items()
    }


def left_out(folder: ModelFolder, loras: Iterable[tuple[Path, float]]) -> Iterator[str]:
    """What these LoRAs hold and the model has no use for, in sentences."""
    model = lora_fit.read_model(folder)
    for file, _ in loras:
        yield from lora_fit.left_out(file.stem, read_facts(file), model)


def _in_place(file: Path, model: Model) -> dict[tuple[str, str], Change]:
    """The file's changes by part and parameter. Raises InvalidRequest for a misfit.

    Where queries, keys and values are there together and one by one, those one by one count, as the others
    say the same again.
    """
    matching = [(target, change) for target, change in read(file).items() if target[0] in model.places]
    matching.sort(key=lambda each: -len(model.places[each[0][0]][1]))
    if not matching:
        raise _another(file)
    of_each = (_impossible(target, change, model) for target, change in matching)
    if kind := next(filter(None, of_each), ""):
        raise InvalidRequest(f"{file.name} is {kind}, which this version can't read.", "Choose another LoRA.")
    try:
        return {at: each for target, change in matching for at, each in _placed(target, change, model)}
    except (KeyError, ValueError) as error:
        raise _another(file) from error


def _impossible(target: Target, change: Change, model: Model) -> str:
    layer, parameter = target
    return impossible({"diff_b": ()} if parameter == "bias" else change.shapes, layer, model)


def _placed(target: Target, change: Change, model: Model) -> Iterator[tuple[tuple[str, str], Change]]:
    """What it changes, with the change of each. Raises KeyError or ValueError for what does not fit."""
    layer, parameter = target
    part, place = model.places[layer]
    whole = torch.Size(model.shape(layer, parameter))
    if is_one_layer(place):
        change.check(whole)
        yield (part, f"{place[0].layer}.{parameter}"), change
        return
    rows = spans(place, lambda name: model.shapes[part, f"{name}.{parameter}"][0])
    for name, own in rows.items():
        yield (part, f"{name}.{parameter}"), change.of_rows(whole, own)


def _another(file: Path) -> InvalidRequest:
    base = read_facts(file).base
    told = f"{file.name} is for {base}, and this model is of another kind." if base else ""
    return InvalidRequest(told or f"{file.name} is for a model of another kind.", _ANOTHER)

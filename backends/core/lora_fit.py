"""Whether a LoRA or an embedding is for a model, told from both files' headers alone.

The rule is that of lora.py, which refuses what does not fit when a picture is made: some layer of the file
is one of the model's, and each of those has the weight's shape. Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod

from backends.core import lora_facts
from backends.core.contract import MezzotintError
from backends.core.lora_facts import Facts
from backends.core.lora_names import names_in_files
from backends.core.model_folder import ModelFolder

CONVERTED = "A converted model takes it only when it is baked in."
ANOTHER = "It is for a model of another kind."

Shape = tuple[int, ...]
_DOWN = ("lora_A", "lora_A.default", "lora.down", "lora_down", "down")
_UP = ("lora_B", "lora_B.default", "lora.up", "lora_up", "up")


@dataclass(frozen=True)
class Model:
    """What fits is compared with: weights by the names that files have for their layers, and the widths of
    its text encoders by part. `converted`: networks for other hardware, whose weights can't be changed."""

    layers: Mapping[str, Shape] = field(default_factory=dict[str, Shape])
    widths: Mapping[str, int] = field(default_factory=dict[str, int])
    converted: bool = False


def read_model(folder: ModelFolder) -> Model:
    """Raises BrokenModel. Reads headers only."""
    layers: dict[str, Shape] = {}
    for part in (part for part in folder.parts if part != "vae"):
        layers |= _layers(part, folder)
    encoders = {part: config.get("hidden_size") for part, config in folder.configs.items()}
    widths = {part: width for part, width in encoders.items() if isinstance(width, int)}
    return Model(layers, widths, bool(folder.manifest.get("made_for")))


def _layers(part: str, folder: ModelFolder) -> dict[str, Shape]:
    shapes: dict[str, Shape] = {}
    for path in folder.weight_files(part):
        try:
            found = lora_facts.read_facts(path).shapes
        except MezzotintError:
            continue  # opening the model says what is wrong with it
        shapes |= {name.removeprefix("text_model."): shape for name, shape in found.items()}
    names = [name.removesuffix(".weight") for name in shapes if name.endswith(".weight")]
    return {key: shapes[f"{layer}.weight"] for key, layer in names_in_files(part, names).items()}


def misfit(facts: Facts, model: Model) -> str:
    """Why a LoRA can't be used with this model, or "" when it can."""
    if model.converted:
        return CONVERTED
    found = _by_layer(facts)
    matching = [layer for layer in found if layer in model.layers]
    if matching and all(_fits(found[layer], model.layers[layer]) for layer in matching):
        return ""
    return f"It is for {facts.base}, and this model is of another kind." if facts.base else ANOTHER


def misfit_of_embedding(facts: Facts, model: Model) -> str:
    """The same for a file of textual inversion: its vectors are as wide as the encoder's."""
    if model.converted:
        return CONVERTED
    keys = {"text_encoder": "clip_l", "text_encoder_2": "clip_g"}
    for part, width in model.widths.items():
        shapes = [facts.shapes.get(keys.get(part, "")), facts.shapes.get("emb_params")]
        shapes += facts.shapes.values() if len(facts.shapes) == 1 else ()
        shape = next((shape for shape in shapes if shape), None)
        if shape is None or shape[-1] != width:
            return ANOTHER
    return ""


def _by_layer(facts: Facts) -> dict[str, dict[str, Shape]]:
    found: dict[str, dict[str, Shape]] = {}
    for key, shape in facts.shapes.items():
        layer, name = _split(key)
        found.setdefault(layer, {})[name] = shape
    return found


def _split(key: str) -> tuple[str, str]:
    stem = key.removesuffix(".weight")
    for endings, name in ((_DOWN, "down"), (_UP, "up")):
        for ending in endings:
            if stem.endswith(f".{ending}"):
                return stem.removesuffix(f".{ending}"), name
    layer, _, name = stem.rpartition(".")
    return layer, name


def _fits(change: Mapping[str, Shape], weight: Shape) -> bool:
    try:
        return _sides(change) == (weight[0], prod(weight[1:]))
    except (KeyError, IndexError):
        return True  # a kind whose shape says nothing before it is multiplied out


def _sides(change: Mapping[str, Shape]) -> tuple[int, int]:
    """How many outputs and inputs (times the window of a convolution) the change has."""
    if "lora_mid" in change:
        return change["up"][0], change["down"][1] * prod(change["lora_mid"][2:])
    if "down" in change:
        return change["up"][0], prod(change["down"][1:])
    if "hada_w1_a" in change:
        return change["hada_w1_a"][0], change["hada_w1_b"][1]
    sides = [_factor(change, f"lokr_w{number}") for number in (1, 2)]
    return prod(side[0] for side in sides), prod(side[1] for side in sides)


def _factor(change: Mapping[str, Shape], name: str) -> tuple[int, int]:
    if name in change:
        return change[name][0], prod(change[name][1:])
    return change[f"{name}_a"][0], prod(change[f"{name}_b"][1:])

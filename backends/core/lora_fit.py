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
from backends.core.lora_keys import by_layer, changes_bias, is_half, read_key, unreadable_kind
from backends.core.lora_names import names_in_files
from backends.core.lora_places import Place, is_one_layer
from backends.core.model_folder import ModelFolder

CONVERTED = "A converted model takes it only when it is baked in."
ANOTHER = "It is for a model of another kind."
_OF_COLUMNS = "a DoRA of columns that several layers share"
_OF_BIASES = "a change of biases that this model lacks"

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Model:
    """What fits is compared with: where the layers that files name are (a part of the model, and the place in
    it), the shapes of all parameters by part and plain name, and the widths of its text encoders by part.
    `converted`: networks for other hardware, whose weights can't be changed."""

    places: Mapping[str, tuple[str, Place]] = field(default_factory=dict[str, tuple[str, Place]])
    shapes: Mapping[tuple[str, str], Shape] = field(default_factory=dict[tuple[str, str], Shape])
    widths: Mapping[str, int] = field(default_factory=dict[str, int])
    converted: bool = False

    def shape(self, layer: str, parameter: str = "weight") -> Shape:
        """Of what a file calls so. Raises KeyError when there is none."""
        part, place = self.places[layer]
        shapes = [(self.shapes[part, f"{piece.layer}.{parameter}"], piece.of) for piece in place]
        return sum(shape[0] // of for shape, of in shapes), *shapes[0][0][1:]


def read_model(folder: ModelFolder) -> Model:
    """Raises BrokenModel. Reads headers only."""
    places: dict[str, tuple[str, Place]] = {}
    shapes: dict[tuple[str, str], Shape] = {}
    for part in (part for part in folder.parts if part != "vae"):
        own = _shapes(part, folder)
        layers = [name.removesuffix(".weight") for name in own if name.endswith(".weight")]
        named = names_in_files(part, folder.class_name(part), layers)
        places |= {name: (part, place) for name, place in named.items()}
        shapes |= {(part, name): shape for name, shape in own.items()}
    encoders = {part: config.get("hidden_size") for part, config in folder.configs.items()}
    widths = {part: width for part, width in encoders.items() if isinstance(width, int)}
    return Model(places, shapes, widths, bool(folder.manifest.get("made_for")))


def _shapes(part: str, folder: ModelFolder) -> dict[str, Shape]:
    """The part's parameters by plain name."""
    shapes: dict[str, Shape] = {}
    for path in folder.weight_files(part):
        try:
            found = lora_facts.read_facts(path).shapes
        except MezzotintError:
            continue  # opening the model says what is wrong with it
        shapes |= {plain(name): shape for name, shape in found.items()}
    return shapes


def plain(name: str) -> str:
    """A parameter's name without what older releases of transformers, or a larger model, put before it."""
    return name.removeprefix("text_model.").removeprefix("model.")


def misfit(facts: Facts, model: Model) -> str:
    """Why a LoRA can't be used with this model, or "" when it can."""
    if model.converted:
        return CONVERTED
    if kind := unreadable_kind(facts.shapes):
        return f"It is {kind}, which this version can't read."
    layers = by_layer(facts.shapes)
    if half := next((layer for layer, each in layers.items() if is_half(each)), ""):
        return f"It is damaged: a part of {half} is missing."
    found = {layer: each for layer, each in layers.items() if layer in model.places}
    if kind := next(filter(None, (impossible(each, layer, model) for layer, each in found.items())), ""):
        return f"It is {kind}, which this version can't read."
    if found and all(_fits(each, layer, model) for layer, each in found.items()):
        return ""
    return f"It is for {facts.base}, and this model is of another kind." if facts.base else ANOTHER


def left_out(name: str, facts: Facts, model: Model) -> tuple[str, ...]:
    """What a LoRA that fits holds and this model has no use for, in sentences about its `name`."""
    layers = by_layer(facts.shapes)
    beyond = [layer for layer in layers if layer not in model.places]
    unread = sum(read_key(key) is None for key in facts.shapes)
    told: list[str] = []
    if any(layer.startswith(_TEXT) for layer in beyond):
        told.append(f"What {name} changes in a text encoder that this model lacks is left out.")
    if others := sum(not layer.startswith(_TEXT) for layer in beyond):
        told.append(f"{others} of the {len(layers)} layers of {name} can't be used with this model.")
    if unread:
        told.append(f"{unread} of the {len(facts.shapes)} tensors of {name} can't be read.")
    return tuple(told)


_TEXT = ("text_encoder", "lora_te")


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


def impossible(change: Mapping[str, Shape], layer: str, model: Model) -> str:
    """What a change of one of this model's layers is that can't be added to it, or ""."""
    part, place = model.places[layer]
    of_columns = "dora_scale" in change and change["dora_scale"][0] != model.shape(layer)[0]
    if of_columns and not is_one_layer(place):
        return _OF_COLUMNS
    biases = [(part, f"{piece.layer}.bias") in model.shapes for piece in place]
    return _OF_BIASES if changes_bias(change) and not all(biases) else ""


def _fits(change: Mapping[str, Shape], layer: str, model: Model) -> bool:
    try:
        if "diff_b" in change and prod(change["diff_b"]) != prod(model.shape(layer, "bias")):
            return False
        weight = model.shape(layer)
    except KeyError:
        return False
    try:
        return _sides(change) == (weight[0], prod(weight[1:]))
    except (KeyError, IndexError):
        return True  # a kind whose shape says nothing before it is multiplied out


def _sides(change: Mapping[str, Shape]) -> tuple[int, int]:
    """How many outputs and inputs (times the window of a convolution) the change has."""
    if "diff" in change:
        return change["diff"][0], prod(change["diff"][1:])
    if "mid" in change:
        return change["up"][0], change["down"][1] * prod(change["mid"][2:])
    if "down" in change:
        return change["up"][0], prod(change["down"][1:])
    if "hada_w1_a" in change:
        return _factor(change, "hada_w1", "hada_t1")
    sides = [_factor(change, "lokr_w1", ""), _factor(change, "lokr_w2", "lokr_t2")]
    return prod(side[0] for side in sides), prod(side[1] for side in sides)


def _factor(change: Mapping[str, Shape], name: str, middle: str) -> tuple[int, int]:
    if name in change:
        return change[name][0], prod(change[name][1:])
    if middle in change:
        return change[f"{name}_a"][1], change[f"{name}_b"][1] * prod(change[middle][2:])
    return change[f"{name}_a"][0], prod(change[f"{name}_b"][1:])

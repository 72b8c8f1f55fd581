"""The names that LoRA files have for a network's layers.

diffusers and peft: `unet.` or `transformer.` and the layer's name, in old files with `.processor.to_q_lora`.
kohya's scripts: `lora_unet_`, `lora_te_`, `lora_te1_` ... and the name with underscores, where the UNet of
SDXL and the transformers have their makers' names. ComfyUI and ai-toolkit: `diffusion_model.` and the maker's
name. OneTrainer: `lora_transformer_`; LyCORIS: `lycoris_`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from backends.core.lora_names_transformers import makers_names
from backends.core.lora_names_unet import stabilitys_name
from backends.core.lora_places import Piece, Place

_TEXT = {
    "text_encoder": ("lora_te_", "lora_te1_"),
    "text_encoder_2": ("lora_te2_",),
    "text_encoder_3": ("lora_te3_",),
}
_INNER = ("", "text_model.", "model.")
"""What may stand between a text encoder's name and that of its layer."""
_DOTTED = ("transformer.", "diffusion_model.", "base_model.model.", "")
_UNDERSCORED = ("lora_unet_", "lora_transformer_", "lycoris_")
_ATTENTION = re.compile(r"\.to_(q|k|v|out)(?:\.0)?$")
_TEXT_PROJECTION = re.compile(r"\.(q|k|v|out)_proj$")
_CUT = ("transformer_blocks.", "sformer_blocks.")
"""The beginning of a name as some files of FLUX.2 have it, after a prefix too many was taken off."""


def names_in_files(part: str, kind: str, layers: Iterable[str]) -> dict[str, Place]:
    """Every name that files have for the layers of a part of this class -> where each is, by plain names.

    The layers' own names come first.
    """
    layers = list(layers)
    if part == "unet":
        return {name: (Piece(layer),) for layer in layers for name in _of_unet(layer, layers)}
    if part == "transformer":
        return _of_transformer(kind, layers)
    return {name: (Piece(layer),) for layer in layers for name in _of_text_encoder(part, layer)}


def _of_transformer(kind: str, layers: list[str]) -> dict[str, Place]:
    ours: dict[str, Place] = {layer: (Piece(layer),) for layer in layers}
    cut = {layer.replace(*_CUT, 1): place for layer, place in ours.items() if layer.startswith(_CUT[0])}
    found: dict[str, Place] = {}
    for names in (ours, makers_names(kind, layers), cut):
        for name, place in names.items():
            for written in _with_prefixes(name):
                found.setdefault(written, place)
    return found


def _with_prefixes(name: str) -> Iterator[str]:
    yield from (prefix + name for prefix in _DOTTED)
    flat = name.replace(".", "_")
    yield from (prefix + flat for prefix in _UNDERSCORED)


def _of_unet(layer: str, layers: list[str]) -> Iterator[str]:
    old = _ATTENTION.sub(r".processor.to_\1_lora", layer)
    for prefix in ("unet.", "diffusion_model.", "base_model.model.", ""):
        yield prefix + layer
        yield prefix + old
    own = stabilitys_name(layer, layers)
    for name in filter(None, (layer, own)):
        for prefix in ("lora_unet_", "lycoris_"):
            yield prefix + name.replace(".", "_")
    if own:
        yield f"diffusion_model.{own}"


def _of_text_encoder(part: str, layer: str) -> Iterator[str]:
    for name in (f"{inner}{layer}" for inner in _INNER):
        yield f"{part}.{name}"
        yield f"{part}." + _TEXT_PROJECTION.sub(r".to_\1_lora", name)
        yield f"{part}.{name}.lora_linear_layer"
        for prefix in _TEXT.get(part, ()):
            yield prefix + name.replace(".", "_")

"""What the Models screen calls things."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from desktop.model.language import tr
from desktop.model.models_card import ModelCard
from desktop.model.models_fit import in_bytes

_FAMILIES = {
    "sd1": "Stable Diffusion 1 and 2",
    "sdxl": "Stable Diffusion XL",
    "sdxl_refiner": "Stable Diffusion XL refiner",
    "sd3": "Stable Diffusion 3",
    "flux2": "FLUX.2 klein",
    "sana": "SANA-Sprint",
    "zimage": "Z-Image",
}
_SHORT = {
    "sd1": "SD 1/2",
    "sdxl": "SDXL",
    "sdxl_refiner": "SDXL refiner",
    "sd3": "SD 3",
    "flux2": "FLUX.2",
    "sana": "SANA",
    "zimage": "Z-Image",
}


def family(card: ModelCard) -> str:
    """The kind of model, as people call it; "" where nobody knows."""
    return _FAMILIES.get(card.family, card.family)


def target(name: str) -> str:
    """What a conversion is for."""
    return {"neural-engine": tr("Neural Engine"), "gpu": tr("GPU"), "any": tr("any Mac")}.get(name, name)


def network(name: str) -> str:
    """A part of a model."""
    names = {
        "text_encoder": tr("Text encoder"),
        "text_encoder_2": tr("Second text encoder"),
        "unet": tr("UNet"),
        "vae_decoder": tr("Decoder"),
        "vae_encoder": tr("Encoder"),
    }
    return names.get(name, name)


def about(card: ModelCard) -> str:
    """A line under a model's name: whether it can be used, else what it is."""
    if card.outdated:
        return tr("Needs preparing again")
    if card.problem:
        return tr("Can't be used")
    parts = [in_bytes(card.bytes)]
    if card.made_for:
        parts.append(tr("for {target}", target=target(str(card.conversion.get("for")))))
    else:
        parts.insert(0, _SHORT.get(card.family, card.family))
    return ", ".join(parts)


def settings(card: ModelCard) -> str:
    """The settings it looks best with."""
    told = card.defaults
    if told is None:
        return ""
    size = f"{told.width} x {told.height}"
    steps = tr("{count} steps", count=told.steps)
    return ", ".join([size, steps, tr("guidance {scale}", scale=f"{told.guidance_scale:g}")])


def prepared(conversion: Mapping[str, Any]) -> str:
    """How a model was converted."""
    sizes: Any = conversion.get("sizes")
    try:
        shown = [f"{int(width)} x {int(height)}" for width, height in sizes]
    except (TypeError, ValueError):
        shown = []
    bits = tr("{bits} bits", bits=conversion.get("bits"))
    return ", ".join([target(str(conversion.get("for"))), bits, *shown])

"""Whether a file is a ControlNet, and one for a model, told from its header alone.

The worker has the last word when a picture is made (see controlnet.py). Standard library only, so that the
window can list many of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

NO_CONTROLNET = "It is no ControlNet."
ANOTHER = "It is for a model of another kind."
_HINTS = ("controlnet_cond_embedding.conv_in.weight", "input_hint_block.0.weight")
_FIRST = ("conv_in.weight", "input_blocks.0.0.weight")
_PREFIX = "control_model."
_TEXT = "attn2.to_k.weight"
_BY_WIDTH = {768: "Stable Diffusion 1", 1024: "Stable Diffusion 2", 2048: "Stable Diffusion XL"}

Shapes = Mapping[str, tuple[int, ...]]
"""Tensors' shapes by name, as a file has them: diffusers' names or those of the first ControlNets."""


def base_of(shapes: Shapes) -> str:
    """The kind of model that it is for, by the width of the text it reads; "" for one that isn't known."""
    return _BY_WIDTH.get(_text_width(shapes), "")


def misfit(shapes: Shapes, unet: Mapping[str, Any] | None) -> str:
    """Why it can't guide a model with this UNet (None: with none that is known here), or "" when it can."""
    names = {name.removeprefix(_PREFIX) for name in shapes}
    if not names.intersection(_HINTS):
        return NO_CONTROLNET
    if unet is None or (_text_width(shapes), _channels(shapes)) == (_wanted_width(unet), _first_block(unet)):
        return ""
    base = base_of(shapes)
    return f"It is for {base}, and this model is of another kind." if base else ANOTHER


def _text_width(shapes: Shapes) -> int:
    return next((shape[-1] for name, shape in shapes.items() if name.endswith(_TEXT)), 0)


def _channels(shapes: Shapes) -> int:
    named = {name.removeprefix(_PREFIX): shape for name, shape in shapes.items()}
    return next((named[name][0] for name in _FIRST if name in named), 0)


def _wanted_width(unet: Mapping[str, Any]) -> int:
    width: object = unet.get("cross_attention_dim", 1280)
    return cast(list[int], width)[-1] if isinstance(width, list) else int(cast(int, width))


def _first_block(unet: Mapping[str, Any]) -> int:
    return int(cast(list[int], unet.get("block_out_channels", [320]))[0])

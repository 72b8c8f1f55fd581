"""Whether a file is what pictures take besides a model, told by its header: a LoRA, a ControlNet ..."""

from __future__ import annotations

import re

from backends.core.controlnet_fit import misfit
from backends.core.lora_keys import by_layer, is_whole
from backends.core.shelf import CONTROLNETS, EMBEDDINGS, LORAS, UPSCALERS, VAES
from convert.source.kinds import Shapes

FOLDERS = {
    "lora": LORAS[0],
    "controlnet": CONTROLNETS[0],
    "upscaler": UPSCALERS[0],
    "embedding": EMBEDDINGS[0],
    "vae": VAES[0],
}
"""Where each kind is kept, beside the models."""
_EMBEDDINGS = ("clip_l", "clip_g", "emb_params")
_UPSCALERS = (
    ("conv_first.weight", ("conv_last.weight", "upsample.0.weight")),
    ("model.0.weight", ("model.1.sub.0.RDB1.conv1.0.weight",)),
    ("body.0.weight", ("body.1.weight",)),
)
"""The first layer's name, and one of those that come with it: in most, the oldest and the compact files."""
_CHANNELS = (1, 3, 4, 12, 48)
"""What an upscaler's first layer takes: a picture, whole or with its pixels in a few channels each."""
_VAE = ("decoder.conv_in.weight", "encoder.conv_in.weight")
_OF_MODELS = re.compile(r"(^|\.)(diffusion_model|text_model|self_attn|joint_blocks|transformer_blocks)\.")


def addition_in(shapes: Shapes) -> str:
    """One of `FOLDERS`, or "" for a model, for a part of one but a VAE, and for what nobody knows."""
    if not misfit(shapes, None):
        return "controlnet"
    if any(map(is_whole, by_layer(shapes).values())):
        return "lora"
    if _is_embedding(shapes):
        return "embedding"
    if _is_vae(shapes):
        return "vae"
    return "upscaler" if _is_upscaler(shapes) else ""


def _is_embedding(shapes: Shapes) -> bool:
    if shapes and set(shapes) <= set(_EMBEDDINGS):
        return True
    return len(shapes) == 1 and all(len(shape) in (1, 2) for shape in shapes.values())


def _is_vae(shapes: Shapes) -> bool:
    """A decoder with its encoder, and no other network."""
    whole = all(any(key.endswith(each) for key in shapes) for each in _VAE)
    return whole and not any(_OF_MODELS.search(key) for key in shapes)


def _is_upscaler(shapes: Shapes) -> bool:
    for first, others in _UPSCALERS:
        shape = shapes.get(first, ())
        if len(shape) == 4 and shape[1] in _CHANNELS and any(other in shapes for other in others):
            return True
    return False

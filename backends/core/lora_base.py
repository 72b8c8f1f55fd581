"""For which models a LoRA is made: told by the file itself, or from the names and shapes of its tensors.

Standard library only. The widths are those of the published models.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

Shapes = Mapping[str, tuple[int, ...]]
"""Tensors' shapes by name."""
_TOLD = ("modelspec.architecture", "ss_base_model_version")
_STARTS = {
    "stablediffusionv1": "Stable Diffusion 1",
    "stablediffusionv2": "Stable Diffusion 2",
    "stablediffusionxl": "Stable Diffusion XL",
    "stablediffusion3": "Stable Diffusion 3",
    "sdv1": "Stable Diffusion 1",
    "sdv2": "Stable Diffusion 2",
    "sdxl": "Stable Diffusion XL",
    "sd3": "Stable Diffusion 3",
    "flux2": "FLUX.2",
    "flux": "FLUX.1",
    "zimage": "Z-Image",
    "sana": "SANA",
    "qwenimage": "Qwen-Image",
    "lumina": "Lumina",
    "chroma": "Chroma",
    "wan": "Wan",
    "hunyuanvideo": "HunyuanVideo",
}
"""What trainers write, in small letters and digits alone."""
_UNET_TEXT = re.compile(r"attn2[._](?:processor[._])?to_k")
_UNETS = {768: "Stable Diffusion 1", 1024: "Stable Diffusion 2", 2048: "Stable Diffusion XL"}
_FIRST = r"(?:^|[._])"
_NAMES = {
    rf"{_FIRST}joint_blocks[._]": "Stable Diffusion 3",
    r"to_qkv_mlp_proj|double_stream_modulation|single_stream_modulation": "FLUX.2",
    r"transformer_blocks[._]\d+[._]ff(?:_context)?[._]linear_(?:in|out)": "FLUX.2",
    r"single_transformer_blocks[._]\d+[._](?:proj_mlp|attn[._]to_q)|img_mod[._]lin|modulation_lin": "FLUX.1",
    r"inverted_conv|conv_inverted": "SANA",
    r"transformer_blocks[._]\d+[._](?:img_mod|txt_mod|img_mlp|txt_mlp)": "Qwen-Image",
}
"""Names that one kind of model has; the first that is found."""
_JOINT = re.compile(r"transformer_blocks[._]\d+[._]attn[._](?:to_[qkv]|add_[qkv]_proj)")
_JOINT_WIDTHS = {1536: "Stable Diffusion 3", 2432: "Stable Diffusion 3", 4096: "FLUX.2", 6144: "FLUX.2"}
_FLUX = re.compile(r"single_blocks[._]\d+[._]linear1|double_blocks[._]\d+[._](?:img|txt)_mlp[._]0")
_OF_FLUX_1 = {21504, 12288}
"""How many outputs those layers have in FLUX.1. FLUX.2's have others, as it multiplies halves of them."""
_LAYERS = re.compile(r"(?:layers|refiner)[._]\d+[._]attention[._](?:to_[qkv]|qkv)")
_LAYERS_WIDTHS = {3840: "Z-Image", 2304: "Lumina"}
_ATTENTION_1 = re.compile(r"transformer_blocks[._]\d+[._]attn[12][._]to_q")
_READS = (".lora_A.weight", "down.weight", "hada_w1_b", ".lora_A.default.weight")
_MAKES = (".lora_B.weight", "up.weight", "hada_w1_a", ".lora_B.default.weight")


def base(told: Mapping[str, str], shapes: Shapes) -> str:
    """ "Stable Diffusion XL", "FLUX.2" ...; "" where nothing says so."""
    written = (re.sub("[^a-z0-9]", "", told.get(key, "").lower()) for key in _TOLD)
    known = (name for text in written for start, name in _STARTS.items() if text.startswith(start))
    return next(known, "") or _by_names(shapes) or _by_widths(shapes)


def _by_names(shapes: Shapes) -> str:
    known = (name for pattern, name in _NAMES.items() if any(re.search(pattern, key) for key in shapes))
    return next(known, "")


def _by_widths(shapes: Shapes) -> str:
    is_unet = any("down_blocks" in key or "input_blocks" in key or "mid_block" in key for key in shapes)
    if outputs := _sizes(shapes, _FLUX, _out):
        return "FLUX.1" if _OF_FLUX_1.issuperset(outputs) else "FLUX.2"
    tables = [(_LAYERS, _LAYERS_WIDTHS)] if not is_unet else [(_UNET_TEXT, _UNETS)]
    if not is_unet:
        tables += [(_JOINT, _JOINT_WIDTHS), (_ATTENTION_1, {2240: "SANA"})]
    widths = ((table, size) for pattern, table in tables for size in _sizes(shapes, pattern, _into))
    return next((table[size] for table, size in widths if size in table), "")


def _sizes(
    shapes: Shapes, pattern: re.Pattern[str], side: Callable[[str, tuple[int, ...]], int]
) -> list[int]:
    found: Iterable[int] = (side(key, shape) for key, shape in shapes.items() if pattern.search(key))
    return [size for size in found if size]


def _into(key: str, shape: tuple[int, ...]) -> int:
    """How many inputs the layer has, from the factor that reads them."""
    return shape[1] if key.endswith(_READS) and len(shape) > 1 else 0


def _out(key: str, shape: tuple[int, ...]) -> int:
    """How many outputs, from the factor that makes them."""
    return shape[0] if key.endswith(_MAKES) else 0

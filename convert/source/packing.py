"""Weights that a file keeps in eight bits, as numbers to compute with: half precision or bfloat16.

Eight-bit floats (e4m3fn, e5m2) come plain, or with a scale for the whole weight, for each row or for blocks:
`scale_weight` and a marker `scaled_fp8` in ComfyUI's first files; `weight_scale`, and the format in
`comfy_quant` tensors or in the header's `_quantization_metadata`, in its later ones (comfy/utils.py,
convert_old_quants); `weight_scale_inv` in Hugging Face's. Scales of what flows in are for computing with
eight bits, and are not used. Other packings are refused by name.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn, cast

from safetensors import safe_open

from backends.core.contract import BrokenModel
from convert.source.header import Header

_SCALES = (".scale_weight", ".weight_scale", ".weight_scale_inv")
_FORMAT = ".comfy_quant"
_ASIDE = (*_SCALES, _FORMAT, ".scale_input", ".input_scale", ".weight_scale_2", ".pre_quant_scale")
_MARKER = "scaled_fp8"
_ALL_FORMATS = "_quantization_metadata"
_KNOWN = ("float8_e4m3fn", "float8_e5m2", "int8_tensorwise")
_EIGHT = ("F8_E4M3", "F8_E5M2", "I8")
_FLOATS = ("torch.float8_e4m3fn", "torch.float8_e5m2")
_UNET = "model.diffusion_model."
"""Some files leave it out where they say how a layer is packed."""
_SIGNS = {
    ".quant_state.bitsandbytes__nf4": "NF4 of bitsandbytes",
    ".quant_state.bitsandbytes__fp4": "FP4 of bitsandbytes",
    ".wscales": "SVDQuant",
    ".qweight": "four bits",
}
_ODD_TYPES = {"F4": "FP4", "F8_E8M0": "MXFP8"}
_LONGEST = 4096
"""Bytes of a `comfy_quant` tensor, which holds a line of JSON."""
_AGAIN = "Get the file again, from where it was published."


class Weights:
    """The tensors of an open file, by its own names, without those that only say how others are packed."""

    def __init__(self, path: Path, file: Any) -> None:
        self._name, self._file = path.name, file
        self._everything = set(cast(list[str], file.keys()))
        self.keys = sorted(key for key in self._everything if not is_aside(key, self._everything))
        self._said = set(_formats(file, self._everything))
        self._all_scaled = any(map(_is_marker, self._everything)) and any(map(_is_scale, self._everything))

    def tensor(self, key: str) -> Any:
        """As it is, but for eight bits, which are unpacked. Raises BrokenModel."""
        stored, layer = self._file.get_tensor(key), key.removesuffix(".weight")
        scale = next((layer + end for end in _SCALES if layer + end in self._everything), None)
        if layer != key and scale is not None:
            return self._scaled(stored, self._file.get_tensor(scale), layer)
        if layer != key and self._must_be_scaled(layer, stored):
            _broken(self._name, f"it lacks the scale of {layer[:80]}")
        return stored.to(self._whole) if str(stored.dtype) in _FLOATS else stored

    def _must_be_scaled(self, layer: str, stored: Any) -> bool:
        if layer in self._said or layer.removeprefix(_UNET) in self._said:
            return True
        return self._all_scaled and stored.ndim == 2 and str(stored.dtype) in _FLOATS

    def _scaled(self, stored: Any, scale: Any, layer: str) -> Any:
        spread = _spread(scale.float(), stored.shape)
        whole = stored.dtype if stored.is_floating_point() and stored.itemsize > 1 else self._whole
        unpacked = None if spread is None else (stored.float() * spread).to(whole)
        if unpacked is None or not bool(unpacked.isfinite().all()):
            _broken(self._name, f"the scale of {layer[:80]} makes no sense")
        return unpacked

    @cached_property
    def _whole(self) -> Any:
        """bfloat16 where the file's other weights are, as they may be larger than half precision holds."""
        import torch

        kinds = {self._file.get_slice(key).get_dtype() for key in self.keys}
        return torch.bfloat16 if "BF16" in kinds else torch.float16


@contextmanager
def open_weights(path: Path) -> Generator[Weights]:
    with cast(Any, safe_open(path, framework="pt")) as file:
        yield Weights(path, file)


def check_packing(path: Path, name: str, header: Header) -> None:
    """Raises BrokenModel, naming it, for a packing that can't be unpacked here."""
    for key, dtype in header.dtypes.items():
        sign = next((what for end, what in _SIGNS.items() if key.endswith(end)), _ODD_TYPES.get(dtype))
        if sign:
            _refuse(name, sign)
    if _ALL_FORMATS not in header.metadata and not any(key.endswith(_FORMAT) for key in header.shapes):
        return
    if any(math.prod(shape) > _LONGEST for key, shape in header.shapes.items() if key.endswith(_FORMAT)):
        _broken(name, "what says how it is packed is too long")
    with cast(Any, safe_open(path, framework="pt")) as file:
        for told in _formats(file, header.shapes).values():
            if told.get("format") not in _KNOWN or told.get("convrot"):
                named = re.sub(r"[^\w.-]+", "", str(told.get("format")))[:40]
                _refuse(name, f"{named}, rotated" if told.get("convrot") else named)


def growth(header: Header) -> int:
    """How many more bytes its tensors take when those of eight bits have sixteen."""
    return sum(math.prod(shape) for key, shape in header.shapes.items() if header.dtypes[key] in _EIGHT)


def _formats(file: Any, keys: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    """What each layer says of its packing, by the layer's name; {} for one that says nothing sensible."""
    metadata = cast(dict[str, str], file.metadata() or {})
    told = _parsed(metadata.get(_ALL_FORMATS, "{}")).get("layers")
    found: dict[str, Any] = dict(cast(dict[str, Any], told)) if isinstance(told, dict) else {}
    for key in keys:
        if key.endswith(_FORMAT):
            content = file.get_tensor(key).flatten().tolist()
            found[key.removesuffix(_FORMAT)] = _parsed(bytes(int(each) % 256 for each in content))
    return {layer: each if isinstance(each, dict) else {"format": each} for layer, each in found.items()}


def _parsed(text: str | bytes) -> dict[str, Any]:
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return cast(dict[str, Any], found) if isinstance(found, dict) else {}


def is_aside(key: str, everything: set[str]) -> bool:
    """Whether a tensor only says how another is packed; `everything` is what the file holds."""
    end = next((end for end in _ASIDE if key.endswith(end)), None)
    if end is None:
        return _is_marker(key)
    return f"{key.removesuffix(end)}.weight" in everything or end == _FORMAT


def _is_marker(key: str) -> bool:
    return key == _MARKER or key.endswith(f".{_MARKER}")


def _is_scale(key: str) -> bool:
    return key.endswith(_SCALES)


def _spread(scale: Any, shape: Any) -> Any:
    """A scale as it is multiplied with a weight of this shape, or None where it can't be."""
    if scale.numel() == 1:
        return scale.reshape(())
    if shape and scale.ndim and scale.numel() == scale.shape[0] == shape[0]:
        return scale.reshape(-1, *[1] * (len(shape) - 1))
    if len(shape) != 2 or scale.ndim != 2 or not scale.numel():
        return None
    tall, wide = (math.ceil(whole / blocks) for whole, blocks in zip(shape, scale.shape, strict=True))
    if (math.ceil(shape[0] / tall), math.ceil(shape[1] / wide)) != tuple(scale.shape):
        return None
    return scale.repeat_interleave(tall, 0)[: shape[0]].repeat_interleave(wide, 1)[:, : shape[1]]


def _broken(name: str, why: str) -> NoReturn:
    raise BrokenModel(f"{name} is damaged: {why}.", _AGAIN)


def _refuse(name: str, packing: str) -> NoReturn:
    raise BrokenModel(
        f"{name} is packed as {packing}, which this version can't unpack.",
        "Get the same model in half precision, bfloat16, fp8 or GGUF.",
    )

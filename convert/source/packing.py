"""Weights that a file keeps in eight or four bits, as numbers to compute with: half precision or bfloat16.

A layer's scale stands beside its weight: `scale_weight`, and a marker `scaled_fp8`, in ComfyUI's first files;
`weight_scale`, and the format in `comfy_quant` tensors or in the header's `_quantization_metadata`, in its
later ones (comfy/utils.py, convert_old_quants); `weight_scale_inv` in Hugging Face's. Eight-bit floats may be
without. Scales of what flows in are for computing with few bits, and not used. Other packings are refused.
A file is unpacked as a whole and one weight at a time, into another file, so that memory matters little.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn, cast

from safetensors import safe_open

from backends.core.contract import BrokenModel
from convert.source.header import Header
from convert.source.layer_formats import FORMATS, Packed, unpack
from convert.source.writing import write_safetensors

_SCALES = (".scale_weight", ".weight_scale", ".weight_scale_inv")
_SECOND = ".weight_scale_2"
_FORMAT = ".comfy_quant"
_ASIDE = (*_SCALES, _SECOND, _FORMAT, ".scale_input", ".input_scale")
_MARKER = "scaled_fp8"
_ALL_FORMATS = "_quantization_metadata"
_FLOATS = ("torch.float8_e4m3fn", "torch.float8_e5m2")
_UNET = "model.diffusion_model."
"""Some files leave it out where they say how a layer is packed."""
_SIGNS = {
    ".quant_state.bitsandbytes__nf4": "NF4 of bitsandbytes",
    ".quant_state.bitsandbytes__fp4": "FP4 of bitsandbytes",
    ".wscales": "SVDQuant",
    ".qweight": "four bits",
    ".pre_quant_scale": "smoothed NVFP4",
}
_LONGEST = 4096
"""Bytes of a `comfy_quant` tensor, which holds a line of JSON."""
_AGAIN = "Get the file again, from where it was published."


@dataclass(frozen=True)
class Told:
    """What a file says of its layers' packing."""

    by_layer: Mapping[str, Mapping[str, Any]]

    def of(self, layer: str) -> Mapping[str, Any]:
        """{} for a layer of which nothing is said."""
        return self.by_layer.get(layer) or self.by_layer.get(layer.removeprefix(_UNET)) or {}


class _Weights:
    """The tensors of an open file, by its own names, without those that only say how others are packed."""

    def __init__(self, name: str, file: Any) -> None:
        self._name, self._file = name, file
        self._everything = set(cast(list[str], file.keys()))
        self.keys = sorted(key for key in self._everything if not _is_aside(key, self._everything))
        self._told = _read_told(file, self._everything)
        self._all_scaled = any(map(_is_marker, self._everything)) and any(map(_is_scale, self._everything))

    def tensor(self, key: str) -> Any:
        """As it is, but for eight and four bits, which are unpacked. Raises BrokenModel."""
        stored, layer = self._file.get_tensor(key), key.removesuffix(".weight")
        scale = next((layer + end for end in _SCALES if layer + end in self._everything), None)
        if layer != key and scale is not None:
            return self._unpacked(stored, scale, layer)
        if layer != key and self._must_be_scaled(layer, stored):
            _broken(self._name, f"it lacks the scale of {layer[:80]}")
        return stored.to(self._whole) if str(stored.dtype) in _FLOATS else stored

    def _must_be_scaled(self, layer: str, stored: Any) -> bool:
        if self._told.of(layer):
            return True
        return self._all_scaled and stored.ndim == 2 and str(stored.dtype) in _FLOATS

    def _unpacked(self, stored: Any, scale: str, layer: str) -> Any:
        second = layer + _SECOND
        second_scale = self._file.get_tensor(second) if second in self._everything else None
        packed = Packed(stored, self._file.get_tensor(scale), second_scale, self._told.of(layer))
        whole = stored.dtype if stored.is_floating_point() and stored.itemsize > 1 else self._whole
        try:
            unpacked = unpack(packed).to(whole)
        except (ValueError, TypeError, ArithmeticError, RuntimeError, IndexError, AttributeError):
            unpacked = None
        if unpacked is None or not bool(unpacked.isfinite().all()):
            _broken(self._name, f"the scale of {layer[:80]} makes no sense")
        return unpacked

    @cached_property
    def _whole(self) -> Any:
        """bfloat16 where the file's other weights are, as they may be larger than half precision holds."""
        import torch

        kinds = {self._file.get_slice(key).get_dtype() for key in self.keys}
        return torch.bfloat16 if "BF16" in kinds else torch.float16


def is_packed(header: Header) -> bool:
    """Whether a file holds anything that is to be unpacked before it is used."""
    keys = set(header.shapes)
    small = any(dtype in ("F8_E4M3", "F8_E5M2") for dtype in header.dtypes.values())
    return small or any(_is_aside(key, keys) for key in keys)


def unpack_file(path: Path, target: Path, name: str, unused: str) -> None:
    """Writes a file that `check_packing` lets pass with its weights unpacked, one at a time in memory.

    `name` is what a person calls it. Tensors whose names begin with `unused` are left out.

    Raises BrokenModel.
    """
    with cast(Any, safe_open(path, framework="pt")) as file:
        weights = _Weights(name, file)
        write_safetensors(target, [key for key in weights.keys if not key.startswith(unused)], weights.tensor)


def check_header(name: str, header: Header) -> None:
    """Raises BrokenModel, naming it, for a packing that can't be unpacked here. `name` is the file's."""
    for key, dtype in header.dtypes.items():
        sign = next((what for end, what in _SIGNS.items() if key.endswith(end)), None)
        if sign or dtype == "F4":
            _refuse(name, sign or "FP4")
    if any(math.prod(shape) > _LONGEST for key, shape in header.shapes.items() if key.endswith(_FORMAT)):
        _broken(name, "what says how it is packed is too long")
    _check_formats(name, _in_header(header.metadata))


def check_packing(path: Path, name: str, header: Header) -> None:
    """The same, when what the file's tensors say is read, too."""
    check_header(name, header)
    if any(key.endswith(_FORMAT) for key in header.shapes):
        with cast(Any, safe_open(path, framework="pt")) as file:
            _check_formats(name, _read_told(file, header.shapes))


def _check_formats(name: str, told: Told) -> None:
    for each in told.by_layer.values():
        if each.get("format") not in FORMATS:
            _refuse(name, re.sub(r"[^\w.-]+", "", str(each.get("format")))[:40])


def growth(header: Header) -> int:
    """About how many more bytes its tensors take when those of eight bits, or four, have sixteen."""
    eight = {"F8_E4M3": 1, "F8_E5M2": 1, "I8": 1, "U8": 3}
    return sum(
        math.prod(shape) * eight[header.dtypes[key]]
        for key, shape in header.shapes.items()
        if header.dtypes[key] in eight
    )


def _is_aside(key: str, everything: set[str]) -> bool:
    """Whether a tensor only says how another is packed; `everything` is what the file holds."""
    end = next((end for end in _ASIDE if key.endswith(end)), None)
    if end is None:
        return _is_marker(key)
    return f"{key.removesuffix(end)}.weight" in everything or end == _FORMAT


def _is_marker(key: str) -> bool:
    return key == _MARKER or key.endswith(f".{_MARKER}")


def _is_scale(key: str) -> bool:
    return key.endswith(_SCALES)


def _read_told(file: Any, keys: Iterable[str]) -> Told:
    found = dict(_in_header(cast(dict[str, str], file.metadata() or {})).by_layer)
    for key in keys:
        if key.endswith(_FORMAT):
            content = file.get_tensor(key).flatten().tolist()
            found[key.removesuffix(_FORMAT)] = _parsed(bytes(int(each) % 256 for each in content))
    return Told(found)


def _in_header(metadata: Mapping[str, str]) -> Told:
    told = _parsed(metadata.get(_ALL_FORMATS, "{}")).get("layers")
    layers = cast(dict[str, Any], told) if isinstance(told, dict) else {}
    return Told({layer: _as_dict(each) for layer, each in layers.items()})


def _as_dict(each: Any) -> Mapping[str, Any]:
    return cast(dict[str, Any], each) if isinstance(each, dict) else {"format": each}


def _parsed(text: str | bytes) -> dict[str, Any]:
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return cast(dict[str, Any], found) if isinstance(found, dict) else {}


def _broken(name: str, why: str) -> NoReturn:
    raise BrokenModel(f"{name} is damaged: {why}.", _AGAIN)


def _refuse(name: str, packing: str) -> NoReturn:
    raise BrokenModel(
        f"{name} is packed as {packing}, which this version can't unpack.",
        "Get the same model in half precision, bfloat16, fp8 or GGUF.",
    )

"""A safetensors file's header, read without trusting it: what the file holds, and where.

The format: https://huggingface.co/docs/safetensors. Every tensor's bytes are checked to be inside the
file, to overlap no other's and to leave no hole, before anything is read.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, cast

from backends.core.contract import BrokenModel

MAX_HEADER = 100 * 2**20
MAX_TENSORS = 20_000
_BITS = {
    "F64": 64, "F32": 32, "F16": 16, "BF16": 16, "F8_E4M3": 8, "F8_E5M2": 8,
    "F8_E8M0": 8, "F4": 4,
    "I64": 64, "I32": 32, "I16": 16, "I8": 8, "U64": 64, "U32": 32, "U16": 16, "U8": 8, "BOOL": 8,
}  # fmt: skip
_AGAIN = "Get the file again, from where it was published."


@dataclass(frozen=True)
class Header:
    """Shapes by tensor name, and what the file says about itself."""

    shapes: Mapping[str, tuple[int, ...]]
    dtypes: Mapping[str, str]
    metadata: Mapping[str, str]


def read_header(path: Path) -> Header:
    """Raises BrokenModel, in one sentence, for whatever a safetensors file should not be."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= min(MAX_HEADER, size - 8):
            _refuse_other_kinds(path, start)
            _broken(path, "its header is longer than it can be, or cut short")
        text = file.read(length)
    header = _parse(path, text)
    told: object = header.pop("__metadata__", {})  # the file may say anything
    if len(header) > MAX_TENSORS:
        _broken(path, f"it holds {len(header):,} tensors, more than any model does")
    _check_places(path, header, size - 8 - length)
    return Header(
        {name: tuple(entry["shape"]) for name, entry in header.items()},
        {name: entry["dtype"] for name, entry in header.items()},
        {str(k): str(v) for k, v in cast(dict[str, Any], told).items()} if isinstance(told, dict) else {},
    )


def _refuse_other_kinds(path: Path, start: bytes) -> None:
    kinds = {
        b"PK\x03\x04": "a pickle or another zip archive",
        b"\x80": "a pickle, which can run code",
        b"\x89PNG": "a picture",
        b"GGUF": "a GGUF file under another name",
        b"\xff\xd8\xff": "a picture",
        b"<": "a page of a web site",
    }
    for sign, kind in kinds.items():
        if start.startswith(sign):
            raise BrokenModel(f"{path.name} is not a safetensors file: it is {kind}.", _AGAIN)


def _parse(path: Path, text: bytes) -> dict[str, Any]:
    try:
        header: object = json.loads(text, object_pairs_hook=_no_twins)
    except (ValueError, RecursionError):
        _broken(path, "its header can't be read")
    if not isinstance(header, dict):
        _broken(path, "its header is not a list of tensors")
    return cast(dict[str, Any], header)


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _check_places(path: Path, header: Mapping[str, Mapping[str, Any]], size: int) -> None:
    places: list[tuple[int, int]] = []
    for entry in header.values():
        place = _place(entry)
        if place is None:
            _broken(path, "a tensor's size and its place don't agree")
        places.append(place)
    end = 0
    for begin, after in sorted(places):
        if begin != end:
            _broken(path, "its tensors overlap or leave holes")
        end = after
    if end != size:
        _broken(path, f"it holds {size:,} bytes of tensors where {end:,} should be")


def _place(entry: object) -> tuple[int, int] | None:
    """Where a tensor's bytes begin and end, or None for an entry that makes no sense."""
    if not isinstance(entry, dict):
        return None
    told = cast(dict[str, Any], entry)
    shape, offsets = _naturals(told.get("shape")), _naturals(told.get("data_offsets"))
    bits = _BITS.get(str(told.get("dtype")))
    if bits is None or shape is None or offsets is None or len(offsets) != 2 or len(shape) > 8:
        return None
    begin, end = offsets
    return (begin, end) if (end - begin) * 8 == math.prod(shape) * bits else None


def _naturals(value: Any) -> list[int] | None:
    if not isinstance(value, list):
        return None
    numbers = cast(list[Any], value)
    return numbers if all(type(n) is int and 0 <= n < 2**48 for n in numbers) else None


def _broken(path: Path, why: str) -> NoReturn:
    raise BrokenModel(f"{path.name} is damaged: {why}.", _AGAIN)

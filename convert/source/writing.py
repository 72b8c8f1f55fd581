"""A safetensors file written tensor by tensor, so that only one has to be in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

_DTYPES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64", "int32": "I32",
    "int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL",
}  # fmt: skip
_ROOM = 256
"""Bytes that an entry of the header takes at most, besides its name."""


def write_safetensors(target: Path, names: Sequence[str], tensor: Callable[[str], Any]) -> None:
    """Writes what `tensor` gives for each name; the header, which comes first, has its room kept free."""
    room = sum(len(json.dumps(name)) + _ROOM for name in names) // 8 * 8 + 8
    entries, at = dict[str, Any](), 0
    with target.open("wb") as out:
        out.seek(8 + room)
        for name in names:
            entries[name] = _write_one(out, tensor(name), at)
            at = entries[name]["data_offsets"][1]
        out.seek(0)
        out.write(room.to_bytes(8, "little") + json.dumps(entries).encode().ljust(room))


def _write_one(out: Any, tensor: Any, at: int) -> dict[str, Any]:
    import torch

    flat = tensor.contiguous().reshape(-1).view(torch.uint8)
    out.write(flat.numpy().data)
    dtype = _DTYPES[str(tensor.dtype).removeprefix("torch.")]
    return {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [at, at + flat.numel()]}

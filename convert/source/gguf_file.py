"""A GGUF file as a safetensors file: its weights are unpacked to half precision.

Read are files of a model or a part of one with its makers' names of tensors, as stable-diffusion.cpp and
ComfyUI-GGUF write them, and language models with llama.cpp's, in every kind of packing that the gguf library
knows (MIT licence; optional). What is not packed stays as it is, and so does bfloat16. What ComfyUI-GGUF had
to flatten has its shape in `comfy.gguf.orig_shape.<name>`.
The library trusts a file's counts, so that it runs in a confined process, like a pickle's reader.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from backends.core.contract import BrokenModel
from convert.source.pickles import in_confinement

_SIGN = b"GGUF"
_PLAIN = {"F32": ("F32", 4), "F16": ("F16", 2), "BF16": ("BF16", 2)}
_GROWS = 8
"""Two bits become sixteen: no packing takes less."""


def is_gguf(path: Path) -> bool:
    """By its ending and its first bytes."""
    if path.suffix.lower() != ".gguf":
        return False
    with path.open("rb") as file:
        return file.read(len(_SIGN)) == _SIGN


def unpack(source: Path, target: Path) -> tuple[str, ...]:
    """Writes its tensors to `target`. Returns what confined the reading. Raises BrokenModel."""
    if importlib.util.find_spec("gguf") is None:
        raise BrokenModel(
            f"{source.name} is a GGUF file, and the library that reads them is not installed.",
            "Install it by `pip install mezzotint[gguf]`.",
        )
    try:
        return in_confinement(source, target, "gguf", _rewrite)
    except BrokenModel as error:
        if shutil.disk_usage(target.parent).free < _GROWS * source.stat().st_size:
            raise BrokenModel(
                f"{source.name} could not be unpacked: there may be too little room on the disk.",
                f"Make room on the disk of {target.parents[2]}.",
            ) from error
        raise BrokenModel(
            f"{source.name} is damaged, or packed in a way that is not known here.",
            "Get it again, or a .safetensors file.",
        ) from error


def _rewrite(file: BinaryIO, out: BinaryIO) -> None:
    """In the confined process: one tensor at a time is in memory."""
    reader = cast(Any, importlib.import_module("gguf")).GGUFReader(file.name)
    entries, at = dict[str, Any](), 0
    for tensor in reader.tensors:
        dtype, width = _PLAIN.get(tensor.tensor_type.name, ("F16", 2))
        shape = _shape(reader, tensor)
        size = width * int(tensor.n_elements)
        entries[str(tensor.name)] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(entries).encode()
    text += b" " * (-len(text) % 8)
    out.write(len(text).to_bytes(8, "little") + text)
    for data in _unpacked(reader):
        out.write(data)


def _shape(reader: Any, tensor: Any) -> list[int]:
    """As torch counts: GGUF counts from the innermost side."""
    if field := reader.fields.get(f"comfy.gguf.orig_shape.{tensor.name}"):
        return [int(field.parts[place][0]) for place in field.data]
    return [int(side) for side in reversed(tensor.shape)]


def _unpacked(reader: Any) -> Iterator[bytes]:
    quants = cast(Any, importlib.import_module("gguf.quants"))
    for tensor in reader.tensors:
        whole = quants.dequantize(tensor.data, tensor.tensor_type).astype("<f4")
        match tensor.tensor_type.name:
            case "F32":
                yield whole.tobytes()
            case "BF16":
                yield (whole.view("<u4") >> 16).astype("<u2").tobytes()
            case _:
                yield whole.astype("<f2").tobytes()

"""A `.ckpt` (a pickle) as a safetensors file: read in a confined process, and only tensors come out of it.

torch's own reader of weights alone (`weights_only=True`) makes nothing but tensors and plain containers; the
confinement (convert/source/confined.py) is for the day when that fails.
"""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import zipfile
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, BinaryIO, cast

from backends.core.contract import BrokenModel
from backends.core.environment import be_offline
from convert.source.opcodes import stranger

Rewrite = Callable[[BinaryIO, BinaryIO], None]
_SAFER = "Get the model as a .safetensors file."
_SECONDS = 1800
_WRAPPINGS = ("state_dict", "params_ema", "params-ema", "params", "string_to_param")
"""Where the tensors may be: the middle three are upscalers', the last is of embeddings."""
_SPARE_BYTES = 12 * 2**30
_DTYPES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "bfloat16": "BF16",
    "int64": "I64",
    "int32": "I32",
}


def to_safetensors(source: Path, target: Path) -> tuple[str, ...]:
    """Writes the pickle's tensors to `target`. Returns what confined the reading. Raises BrokenModel."""
    _refuse_bombs(source)
    _refuse_code(source)
    return in_confinement(source, target, "torch", _rewrite)


def in_confinement(source: Path, target: Path, library: str, rewrite: Rewrite) -> tuple[str, ...]:
    """Has a confined process write `source` anew as `target`, both open already, by a library.

    `rewrite` is a module's function. Returns what confined it. Raises BrokenModel, whatever went wrong there.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(source, target, library, rewrite, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        answer: object = ours.recv()
    except EOFError:
        answer = None
    finally:
        process.kill()
        process.join()
        ours.close()
    if not isinstance(answer, tuple):
        target.unlink(missing_ok=True)
        raise BrokenModel(
            f"{source.name} holds more than weights, or is damaged, and was not opened.", _SAFER
        )
    return cast(tuple[str, ...], answer)


def _refuse_bombs(source: Path) -> None:
    """torch never compresses: an archive that would grow is not one of its own."""
    if not zipfile.is_zipfile(source):
        return
    try:
        with zipfile.ZipFile(source) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise BrokenModel(f"{source.name} is a damaged archive.", _SAFER) from error
    if sum(entry.file_size for entry in entries) > source.stat().st_size or len(entries) > 50_000:
        raise BrokenModel(f"{source.name} would grow when it is unpacked, which no model does.", _SAFER)
    if not any(entry.filename.endswith("/data.pkl") for entry in entries):
        raise BrokenModel(f"{source.name} is an archive, but not of a model.", _SAFER)


def _refuse_code(source: Path) -> None:
    try:
        name = stranger(source)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, RecursionError, OverflowError) as error:
        raise BrokenModel(f"{source.name} is damaged, or no model.", _SAFER) from error
    if name:
        raise BrokenModel(f"{source.name} wants to run code ({name[:60]!r}) and was not opened.", _SAFER)


def _work(source: Path, target: Path, library: str, rewrite: Rewrite, theirs: Connection) -> None:
    """The child's whole life. Whatever goes wrong, it ends without an answer."""
    be_offline()
    importlib.import_module(library)  # while anything may still be opened
    from convert.source.confined import confine

    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)
    with source.open("rb") as file, target.open("wb") as out:
        held = confine(2 * source.stat().st_size + _SPARE_BYTES, _SECONDS)
        rewrite(file, out)
        out.flush()
        os.fsync(out.fileno())
    theirs.send(held)


def _rewrite(file: BinaryIO, out: BinaryIO) -> None:
    import torch

    _write(_tensors(torch.load(file, map_location="cpu", weights_only=True)), out)


def _tensors(loaded: Any) -> dict[str, Any]:
    import torch

    inner = next((loaded[name] for name in _WRAPPINGS if isinstance(loaded.get(name), dict)), loaded)
    found = {
        str(k): v.detach().contiguous()
        for k, v in inner.items()
        if isinstance(v, torch.Tensor) and not v.is_sparse
    }
    return {k: v for k, v in found.items() if str(v.dtype).removeprefix("torch.") in _DTYPES}


def _write(tensors: dict[str, Any], out: Any) -> None:
    """As safetensors, through the file that is open already: nothing else may be opened any more."""
    import torch

    header: dict[str, Any] = {}
    at = 0
    for name, tensor in tensors.items():
        size = tensor.numel() * tensor.element_size()
        dtype = _DTYPES[str(tensor.dtype).removeprefix("torch.")]
        header[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    out.write(len(text).to_bytes(8, "little") + text)
    for tensor in tensors.values():
        out.write(tensor.reshape(-1).view(torch.uint8).numpy().data)

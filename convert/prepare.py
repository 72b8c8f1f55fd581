"""A single file of any kind as a safetensors file whose header is read and checked."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from backends.core.contract import BrokenModel, InvalidRequest
from backends.core.model_folder import sha256
from convert.source import sd3
from convert.source.gguf_file import is_gguf, unpack
from convert.source.header import Header, read_header
from convert.source.packing import check_packing, growth, is_packed, unpack_file
from convert.source.pickles import to_safetensors

_PICKLES = (".ckpt", ".pt", ".pth", ".bin")
_SPARE_BYTES = 200 * 10**6


@dataclass(frozen=True)
class Source:
    """A safetensors file at `path`, and the `file` that it came from: with its SHA-256, and what it was
    `confined` from while it was read."""

    file: Path
    path: Path
    header: Header
    digest: str
    confined: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.file.name


def prepare(file: Path, hidden: Path, say: Callable[[str], object]) -> Source:
    """Reads a pickle or a GGUF file into the folder `hidden`. Raises BrokenModel."""
    say("Checking the file")
    digest, confined, path = sha256(file), (), file
    if _is_pickle(file):
        say("Reading the pickle, confined")
        path = _place(hidden, digest, file.name)
        confined = to_safetensors(file, path)
    elif is_gguf(file):
        say("Unpacking the GGUF file, confined")
        path = _place(hidden, digest, file.name)
        confined = unpack(file, path)
    header = read_header(path)
    check_packing(path, file.name, header)
    if is_packed(header):
        say("Unpacking the weights")
        packed, path = path, _place(hidden, f"{digest}-whole", file.name)
        unpack_file(packed, path, file.name, sd3.T5_PREFIX)
        header = _with_unused(read_header(path), header)
    return Source(file, path, header, digest, confined)


def _with_unused(unpacked: Header, packed: Header) -> Header:
    """T5, which is as large as all the rest and never used, is not unpacked, but known to be there."""
    unused = {key: shape for key, shape in packed.shapes.items() if key.startswith(sd3.T5_PREFIX)}
    return replace(unpacked, shapes={**unpacked.shapes, **unused})


def _place(hidden: Path, digest: str, name: str) -> Path:
    """Under the name that a person knows, for when it turns out to be damaged."""
    (hidden / digest).mkdir(exist_ok=True)
    return hidden / digest / name


def check_space(files: Iterable[Path], models: Path) -> None:
    """A file is written anew; a pickle, and what is unpacked, twice. Raises InvalidRequest."""
    free, need = shutil.disk_usage(models).free, _SPARE_BYTES
    for file in files:
        need += _written(file)
        if need > free:
            raise InvalidRequest(
                f"{file.name} needs {need / 1e9:.1f} GB on the disk, and {free / 1e9:.1f} GB are free.",
                f"Make room on the disk of {models}.",
            )


def _written(file: Path) -> int:
    size = file.stat().st_size
    if _is_pickle(file):
        return 2 * size
    try:
        header = read_header(file) if file.suffix.lower() == ".safetensors" else None
    except BrokenModel:
        return size  # which is said when it is read
    return 2 * (size + growth(header)) if header and is_packed(header) else size


def _is_pickle(file: Path) -> bool:
    return file.suffix.lower() in _PICKLES

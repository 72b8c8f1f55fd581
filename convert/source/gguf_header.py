"""What a GGUF file holds, from its header alone, read without the gguf library and without trusting it.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Nothing but names and shapes is kept.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, BinaryIO

from convert.source.kinds import Shapes

_SIGN = b"GGUF"
_VERSIONS = (2, 3)
_MOST_TENSORS = 20_000
_MOST_WORDS = 1_000_000
"""Entries of a list: a language model's vocabulary has some 150,000."""
_LONGEST = 2**20
_SIDES = 4
_WIDTHS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_TEXT, _LIST = 8, 9


def gguf_shapes(path: Path) -> Shapes:
    """By name, as torch counts sides. {} for a file that is none, or damaged."""
    try:
        with path.open("rb") as file:
            return _shapes(file)
    except (OSError, ValueError, struct.error):
        return {}


def _shapes(file: BinaryIO) -> Shapes:
    sign, version, tensors, told = _read(file, "<4sIQQ")
    if sign != _SIGN or version not in _VERSIONS or tensors > _MOST_TENSORS or told > _MOST_TENSORS:
        raise ValueError("no GGUF file of a sensible size")
    for _ in range(told):
        _text(file)
        _skip(file, _read(file, "<I")[0])
    return dict(_tensor(file) for _ in range(tensors))


def _tensor(file: BinaryIO) -> tuple[str, tuple[int, ...]]:
    name = _text(file).decode("utf-8")
    (sides,) = _read(file, "<I")
    if sides > _SIDES:
        raise ValueError("a tensor of many sides")
    shape = _read(file, f"<{sides}Q")
    file.seek(4 + 8, 1)  # packing and place
    return name, shape[::-1]


def _skip(file: BinaryIO, kind: int) -> None:
    """One value."""
    if kind == _TEXT:
        _text(file)
    elif kind == _LIST:
        inner, count = _read(file, "<IQ")
        if count > _MOST_WORDS or inner == _LIST:
            raise ValueError("a list of no sensible size")
        _skip_all(file, inner, count)
    else:
        file.seek(_width(kind), 1)


def _skip_all(file: BinaryIO, kind: int, count: int) -> None:
    if kind != _TEXT:
        file.seek(_width(kind) * count, 1)
        return
    for _ in range(count):
        _text(file)


def _width(kind: int) -> int:
    if kind not in _WIDTHS:
        raise ValueError("a value of no kind")
    return _WIDTHS[kind]


def _text(file: BinaryIO) -> bytes:
    (length,) = _read(file, "<Q")
    if length > _LONGEST:
        raise ValueError("a long text")
    return _exactly(file, length)


def _read(file: BinaryIO, form: str) -> tuple[Any, ...]:
    return struct.unpack(form, _exactly(file, struct.calcsize(form)))


def _exactly(file: BinaryIO, length: int) -> bytes:
    data = file.read(length)
    if len(data) != length:
        raise ValueError("cut short")
    return data

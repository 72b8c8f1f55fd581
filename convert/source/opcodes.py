"""What a pickle would call, read from its opcodes without running any: a first look, before any reader's."""

from __future__ import annotations

import pickletools
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

_MAKERS = ("torch", "collections", "numpy", "_codecs", "pytorch_lightning")
_PICKLES_IN_OLD_FILES = 5  # magic number, protocol, system, weights, keys: torch's format before 1.6
_MOST_OPCODES = 5_000_000


def stranger(source: Path) -> str | None:
    """The first thing that a pickle names which no file of weights needs, or None. Raises ValueError."""
    for file in _pickles(source):
        for name in _names(file):
            if name.split(".")[0] not in _MAKERS:
                return name
    return None


def _pickles(source: Path) -> Iterator[IO[bytes]]:
    if not zipfile.is_zipfile(source):
        with source.open("rb") as file:
            for _ in range(_PICKLES_IN_OLD_FILES):
                yield file
        return
    with zipfile.ZipFile(source) as archive:
        for entry in archive.infolist():
            if entry.filename.endswith(".pkl"):
                with archive.open(entry) as file:
                    yield file


def _names(file: IO[bytes]) -> Iterator[str]:
    """Modules and names, as "os.system". Those that the memo hides are left to torch's reader."""
    texts: list[str] = []
    for count, (opcode, argument, _) in enumerate(_operations(file)):
        if count > _MOST_OPCODES:
            raise ValueError("too many opcodes")
        if opcode in ("GLOBAL", "INST"):
            yield str(argument).replace(" ", ".")
        elif opcode == "STACK_GLOBAL" and len(texts) >= 2:
            yield ".".join(texts[-2:])
        elif isinstance(argument, str):
            texts = [*texts[-1:], argument]


def _operations(file: IO[bytes]) -> Iterator[tuple[str, Any, Any]]:
    for opcode, argument, place in pickletools.genops(file):
        yield opcode.name, argument, place

"""The header of a safetensors file: which tensors it holds, and where. Standard library only."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any, cast

_LONGEST = 100 * 2**20
UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error, RecursionError)
"""What reading a damaged header, or what is in it, can end in."""


def read_entries(path: Path) -> tuple[int, dict[str, dict[str, Any]]]:
    """Where the tensors' bytes begin, and what the header says by tensor; `__metadata__` is one of them.

    Raises one of UNREADABLE.
    """
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > _LONGEST:
            raise ValueError("header too long")
        return 8 + int(length), cast(dict[str, dict[str, Any]], json.loads(file.read(length)))

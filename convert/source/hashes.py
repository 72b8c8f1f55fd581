"""A file's hashes, as people quote them."""

from __future__ import annotations

import hashlib
from pathlib import Path


def short_hash(digest: str) -> str:
    """What A1111 shows and writes into pictures since 2023: the first ten digits of the SHA-256."""
    return digest[:10]


def old_hash(path: Path) -> str:
    """What A1111 showed before: eight digits of the SHA-256 of 64 KiB that begin at 1 MiB."""
    with path.open("rb") as file:
        file.seek(0x100000)
        return hashlib.sha256(file.read(0x10000)).hexdigest()[:8]

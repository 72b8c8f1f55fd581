"""What a file's bytes must add up to: SHA-256, or git's SHA-1 for a small file that a hub keeps in git."""

from __future__ import annotations

import hashlib
from pathlib import Path

_PIECE = 2**20


def digest_of(path: Path, kind: str) -> str:
    """ "sha256:..." or "git:..." (the SHA-1 of "blob", the size, a zero byte and the file)."""
    summing = hashlib.sha256() if kind == "sha256" else hashlib.sha1(f"blob {path.stat().st_size}\0".encode())
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            summing.update(piece)
    return f"{kind}:{summing.hexdigest()}"


def is_whole(path: Path, size: int, digest: str) -> bool:
    """Whether the file is there with exactly these bytes."""
    return path.is_file() and path.stat().st_size == size and digest_of(path, digest.split(":")[0]) == digest

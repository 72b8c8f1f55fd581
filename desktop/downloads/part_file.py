"""A file as far as it has come: its bytes in `<name>.part`, and what is known of them in `<name>.part.json`.

The bytes are kept in parts. A part counts as kept once it is on the disk and its SHA-256 is written down;
after a crash everything behind the last such part is dropped, so at most one part is fetched again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, cast

from desktop.downloads.digest import is_whole

PART_BYTES = 16 * 2**20


class PartFile:
    """Open while it is fetched. `have` is how many bytes are there; `etag` is what the server called them."""

    def __init__(self, target: Path, size: int, digest: str, part_bytes: int = PART_BYTES) -> None:
        self._target, self._size, self._digest, self._part_bytes = target, size, digest, part_bytes
        self.path = target.with_name(f"{target.name}.part")
        self._state_path = target.with_name(f"{target.name}.part.json")
        self.etag = ""
        self.have = 0
        self._parts: list[str] = []
        self._summing = hashlib.sha256()
        self._file: BinaryIO | None = None

    def __enter__(self) -> PartFile:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch()
        self._file = self.path.open("r+b")
        self._read_state()
        while self._parts and not self.is_kept(len(self._parts) - 1):
            self._parts.pop()
        self._go_to(len(self._parts))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: Any, trace: TracebackType | None) -> None:
        self._open.close()

    @property
    def parts(self) -> Sequence[str]:
        """The SHA-256 of each part that is kept, in order."""
        return self._parts

    def place(self, part: int) -> tuple[int, int]:
        """Where a part's bytes begin and end in the file."""
        return part * self._part_bytes, min((part + 1) * self._part_bytes, self._size)

    def add(self, piece: bytes) -> None:
        """Appends bytes, which may end anywhere but behind the file's end."""
        while piece:
            room = self._room()
            now, piece = piece[:room], piece[room:]
            self._open.write(now)
            self._summing.update(now)
            self.have += len(now)
            if len(now) == room:
                self._keep()

    def replace(self, part: int, piece: bytes) -> None:
        """Another content for a part that is kept already."""
        self._open.seek(self.place(part)[0])
        self._open.write(piece)
        self._parts[part] = hashlib.sha256(piece).hexdigest()
        self._save()
        self._open.seek(self.have)

    def drop_from(self, part: int) -> None:
        """Forgets this part and all behind it."""
        del self._parts[part:]
        self._go_to(part)
        self._save()

    def is_kept(self, part: int) -> bool:
        """Whether a part's bytes on the disk are those that came."""
        begin, end = self.place(part)
        self._open.seek(begin)
        same = hashlib.sha256(self._open.read(end - begin)).hexdigest() == self._parts[part]
        self._open.seek(self.have)
        return same

    def is_right(self) -> bool:
        """Whether the whole file is what the hub says that it is."""
        self._open.flush()
        return is_whole(self.path, self._size, self._digest)

    def publish(self) -> None:
        """Gives the finished file its name."""
        self._open.flush()
        os.fsync(self._open.fileno())
        os.replace(self.path, self._target)
        self._state_path.unlink(missing_ok=True)

    @property
    def _open(self) -> BinaryIO:
        assert self._file is not None
        return self._file

    def _room(self) -> int:
        room = self.place(len(self._parts))[1] - self.have
        if room <= 0:
            raise ValueError("more bytes than the file has")
        return room

    def _keep(self) -> None:
        self._parts.append(self._summing.hexdigest())
        self._summing = hashlib.sha256()
        self._save()

    def _go_to(self, part: int) -> None:
        self.have = min(part * self._part_bytes, self._size)
        self._open.truncate(self.have)
        self._open.seek(self.have)
        self._summing = hashlib.sha256()

    def _read_state(self) -> None:
        try:
            told: object = json.loads(self._state_path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return
        if isinstance(told, dict):
            self._believe(cast(dict[str, Any], told))

    def _believe(self, told: dict[str, Any]) -> None:
        same = all(told.get(key) == value for key, value in self._identity().items())
        parts: object = told.get("parts")
        if same and isinstance(parts, list) and all(isinstance(p, str) for p in cast(list[Any], parts)):
            there = self.path.stat().st_size
            whole = there // self._part_bytes if there < self._size else len(cast(list[str], parts))
            self._parts = cast(list[str], parts)[: min(whole, self._count())]
            self.have = min(len(self._parts) * self._part_bytes, self._size)
            self.etag = str(told.get("etag", ""))

    def _count(self) -> int:
        return -(-self._size // self._part_bytes)

    def _identity(self) -> dict[str, Any]:
        return {"format": 1, "size": self._size, "digest": self._digest, "part_bytes": self._part_bytes}

    def _save(self) -> None:
        """The bytes first, then the note of them: never the other way round."""
        self._open.flush()
        os.fsync(self._open.fileno())
        state = self._identity() | {"etag": self.etag, "parts": self._parts}
        beside = self._state_path.with_name(f"{self._state_path.name}.new")
        beside.write_text(json.dumps(state), encoding="utf-8")
        os.replace(beside, self._state_path)

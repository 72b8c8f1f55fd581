"""The picture that others start from (image to image). Its pixels are never decoded here."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

PASTED = "pasted picture"


@dataclass(frozen=True)
class StartPicture:
    """The bytes of a PNG, JPEG or WebP file; its name; and its path with "~" for the user's folder,
    empty for one that is no file."""

    data: bytes = field(repr=False)
    name: str = PASTED
    path: str = ""

    @cached_property
    def sha256(self) -> str:
        """Of the bytes, as hex digits."""
        return hashlib.sha256(self.data).hexdigest()

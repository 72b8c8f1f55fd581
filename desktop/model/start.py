"""Pictures that others start from (image to image), look at or are guided by. None is decoded here."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from backends.core.contract import Request

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


@dataclass(frozen=True, kw_only=True)
class Beside:
    """Pictures that a request has beside the one it starts from: those that the model looks at, and those of
    its ControlNets, in the order in which the request has them; and its depth map."""

    references: tuple[StartPicture, ...] = ()
    controls: tuple[StartPicture, ...] = ()
    depth_map: StartPicture | None = None


def beside_of(request: Request, known: Beside) -> Beside:
    """The request's pictures, with their names where they are known."""
    maps = [request.depth_map] if request.depth_map is not None else []
    return Beside(
        depth_map=next(iter(_named(maps, [known.depth_map] if known.depth_map else [])), None),
        references=_named(request.references, known.references),
        controls=_named([control.image for control in request.controls], known.controls),
    )


def _named(found: Sequence[bytes], known: Sequence[StartPicture]) -> tuple[StartPicture, ...]:
    names = {picture.data: picture for picture in known}
    return tuple(names.get(data) or StartPicture(data) for data in found)

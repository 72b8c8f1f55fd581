"""Pictures that people brought for a request, as records and the queue name them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from backends.core.contract import Control
from desktop.library.record import Controlled, InitPicture


@dataclass(frozen=True, kw_only=True)
class Brought:
    """The one it starts from, its reference pictures, its ControlNets' in the order of its `controls`, and
    its depth map."""

    start: InitPicture | None = None
    references: tuple[InitPicture, ...] = ()
    controls: tuple[InitPicture, ...] = ()
    depth_map: InitPicture | None = None

    def to_plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def from_plain(entries: Mapping[str, Any]) -> Brought:
    """What `to_plain` made; what is missing is none. Raises TypeError for what is of another kind."""
    start, depth_map = entries.get("start"), entries.get("depth_map")
    return Brought(
        start=InitPicture(**start) if start else None,
        references=tuple(InitPicture(**each) for each in entries.get("references", ())),
        controls=tuple(InitPicture(**each) for each in entries.get("controls", ())),
        depth_map=InitPicture(**depth_map) if depth_map else None,
    )


def to_control(told: Controlled, data: bytes) -> Control:
    """The ControlNet that a record tells, with its picture's bytes. Raises InvalidRequest."""
    return Control(
        model=told.model,
        image=data,
        prepare=told.prepare,
        by=told.by,
        weight=told.weight,
        start=told.start,
        end=told.end,
    )

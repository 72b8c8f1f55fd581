"""The guide whose pose is being edited: found again by its pose, wherever it stands among the guides."""

from __future__ import annotations

from collections.abc import Iterable

from desktop.model.guide_desk import GuideDesk
from desktop.model.guides import POSE_ENDING
from desktop.model.language import tr
from desktop.model.start import StartPicture

_POSE = "pose"


class PoseGuide:
    """Keeps what the editor tells in a guide: in this one, or in one that is added with the first pose."""

    def __init__(self, desk: GuideDesk, number: int | None = None, nets: Iterable[str] = ()) -> None:
        """`nets` are the ControlNets there are: a new guide is read by the first one for poses."""
        self._desk = desk
        self._net = next((name for name in nets if _POSE in name.casefold()), "")
        self._picture = None if number is None else desk.form.guides[number].picture

    @property
    def pose(self) -> bytes | None:
        """What is to be edited; None for a new one."""
        return self._picture and self._picture.data

    @property
    def number(self) -> int | None:
        """Where the guide stands, counted from 0; None before it is added, and after it is removed."""
        pictures = [guide.picture for guide in self._desk.form.guides]
        return pictures.index(self._picture) if self._picture in pictures else None

    @property
    def is_gone(self) -> bool:
        """Whether it was removed, or has another picture."""
        return self._picture is not None and self.number is None

    def take(self, pose: bytes) -> None:
        """The pose is this one now. Does nothing for a guide that is gone."""
        number, before = self.number, self._picture
        self._picture = StartPicture(pose, before.name if before else tr("drawn pose") + POSE_ENDING)
        if before is None:
            self._desk.add_guide(self._picture, self._net)
        elif number is not None:
            self._desk.use_picture(number, self._picture)

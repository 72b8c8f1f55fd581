"""Guides: pictures that say where things are, each read by a ControlNet; and what they are in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from backends.core.contract import DEPTH, POSE, PREPARATIONS, Control, GuideRefused
from desktop.model.language import tr
from desktop.model.start import StartPicture

AS_IT_IS = "none"
POSE_ENDING = ".json"
_LEAST_SHARE = 0.01
_SPEAK_OF = {
    "canny": "canny",
    "tile": "tile",
    "depth": DEPTH,
    "midas": DEPTH,
    "zoe": DEPTH,
    "scribble": "scribble",
    "sketch": "scribble",
    "softedge": "scribble",
    "hed": "scribble",
    "lineart": "invert",
    "pose": AS_IT_IS,
}
"""Words in the names of published ControlNets, and the preparation that comes nearest to their training. A
drawn pose is used as it is."""


@dataclass(frozen=True, kw_only=True)
class NetCard:
    """A ControlNet's file. `base` is the kind of model it is for, "" where nothing says so; `fits` is None
    where nobody can tell. `misfit` and `problem` are sentences."""

    name: str
    path: Path
    base: str = ""
    fits: bool | None = None
    misfit: str = ""
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Guide:
    """A contract.Control as the form has it. `model` is the ControlNet's name, "" while none is chosen; `by`
    the depth model's, "" for a rough estimate, where depth is prepared."""

    picture: StartPicture
    model: str = ""
    prepare: str = AS_IT_IS
    by: str = ""
    weight: float = 1.0
    start: float = 0.0
    end: float = 1.0

    @property
    def is_pose(self) -> bool:
        """Whether it is an OpenPose JSON file, and no picture."""
        return self.prepare == POSE

    def use_way(self, way: str, depth_models: Sequence[str] = ()) -> Guide:
        """Prepared this way; depth is found by the first of these, or roughly."""
        if way == self.prepare:
            return self
        return replace(self, prepare=way, by=next(iter(depth_models), "") if way == DEPTH else "")

    def use_net(self, name: str, depth_models: Sequence[str] = ()) -> Guide:
        """By this ControlNet, with the picture prepared as its name suggests, if it does."""
        way = self.prepare if self.is_pose else fitting(name) or self.prepare
        return replace(self.use_way(way, depth_models), model=name)

    def begin_at(self, start: float) -> Guide:
        """From this share of the steps, and at least a little while."""
        start = min(max(start, 0.0), 1.0 - _LEAST_SHARE)
        return replace(self, start=start, end=max(self.end, _after(start)))

    def end_at(self, end: float) -> Guide:
        """Up to this share of the steps, from before it."""
        end = min(max(end, _LEAST_SHARE), 1.0)
        return replace(self, end=end, start=min(self.start, round(end - _LEAST_SHARE, 2)))

    def control(self) -> Control:
        """As a request has it. Raises GuideRefused when no ControlNet is chosen."""
        if not self.model:
            raise GuideRefused(
                tr("No ControlNet is chosen for the guide {picture}.", picture=self.picture.name),
                tr("Choose one under Guides, or go on without."),
            )
        return Control(
            model=self.model,
            image=self.picture.data,
            prepare=self.prepare,
            by=self.by if self.prepare == DEPTH else "",
            weight=self.weight,
            start=self.start,
            end=self.end,
        )


def _after(start: float) -> float:
    return round(start + _LEAST_SHARE, 2)


def begin(picture: StartPicture, net: str = "") -> Guide:
    """A guide as it is at first: by a picture, or by a pose."""
    guide = Guide(picture=picture, prepare=AS_IT_IS if not picture.data.startswith(b"{") else POSE)
    return guide.use_net(net) if net else guide


def guide_of(control: Control, picture: StartPicture) -> Guide:
    """The form's guide for a request's ControlNet."""
    return Guide(
        picture=picture,
        model=control.model,
        prepare=control.prepare,
        by=control.by,
        weight=control.weight,
        start=control.start,
        end=control.end,
    )


def fitting(name: str) -> str:
    """The preparation that a ControlNet's name speaks of; "" where it speaks of none."""
    lowered = name.casefold()
    way = next((way for word, way in _SPEAK_OF.items() if word in lowered), "")
    return way if way in PREPARATIONS or not way else AS_IT_IS


def ways_for(guide: Guide) -> tuple[str, ...]:
    """The preparations that can be used: a pose is drawn, and a picture is no pose."""
    return (POSE,) if guide.is_pose else tuple(way for way in PREPARATIONS if way != POSE)


# --- In words -----------------------------------------------------------------------------------


def way_in_words(way: str) -> str:
    """What a preparation is called. One that came later than these words goes by its own name."""
    words = {
        AS_IT_IS: tr("As it is"),
        "invert": tr("Invert"),
        "canny": tr("Edges (canny)"),
        "scribble": tr("Main lines (scribble)"),
        "tile": tr("Without details (tile)"),
        DEPTH: tr("Depth"),
        POSE: tr("Pose"),
    }
    return words.get(way, way.replace("_", " ").capitalize())


def depth_in_words(by: str) -> str:
    """Depth, and by which model it is found."""
    return tr("Depth by {model}", model=by) if by else tr("Depth, a rough estimate")


class Told(Protocol):
    """What a request's Control and a record's Controlled both say."""

    @property
    def model(self) -> str: ...
    @property
    def prepare(self) -> str: ...
    @property
    def by(self) -> str: ...
    @property
    def weight(self) -> float: ...
    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...


def told(controls: Sequence[Told], names: Sequence[str] = ()) -> str:
    """ "canny: fox.png, Edges (canny), weight 0.8, 0 to 80 % of the steps"; each after a semicolon."""
    pictures = [*names, *("" for _ in controls)]
    return "; ".join(_told(control, name) for control, name in zip(controls, pictures, strict=False))


def _told(control: Told, picture: str) -> str:
    parts = [picture] if picture else []
    if control.prepare != AS_IT_IS:
        is_depth = control.prepare == DEPTH
        parts.append(depth_in_words(control.by) if is_depth else way_in_words(control.prepare))
    parts.append(tr("weight {weight}", weight=f"{control.weight:g}"))
    if (control.start, control.end) != (0.0, 1.0):
        shares = f"{control.start * 100:g}", f"{control.end * 100:g}"
        parts.append(tr("{start} to {end} % of the steps", start=shares[0], end=shares[1]))
    return f"{control.model}: {', '.join(parts)}"

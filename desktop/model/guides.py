"""Guides: pictures that say where things are, each read by a ControlNet; and what they are in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from backends.core.contract import DEPTH, PREPARATIONS, Control, GuideRefused
from desktop.model.language import tr
from desktop.model.start import StartPicture

AS_IT_IS = "none"
_LEAST_SHARE = 0.01
_ALSO_CALLED = {
    "openpose": "pose",
    "dwpose": "pose",
    "midas": "depth",
    "zoe": "depth",
    "sketch": "scribble",
    "lineart": "scribble",
    "softedge": "scribble",
    "hed": "scribble",
}
"""Words in the names of published ControlNets, and the preparation that comes nearest to their training."""


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

    def use_net(self, name: str) -> Guide:
        """By this ControlNet, with the picture prepared as its name suggests, if it does."""
        return replace(self, model=name, prepare=fitting(name) or self.prepare)

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
    """The preparation that a ControlNet's name speaks of, or ""."""
    lowered = name.casefold()
    found = [way for way in PREPARATIONS if way != AS_IT_IS and way in lowered]
    found += [way for word, way in _ALSO_CALLED.items() if word in lowered and way in PREPARATIONS]
    return found[0] if found else ""


# --- In words -----------------------------------------------------------------------------------


def way_in_words(way: str) -> str:
    """What a preparation is called. One that came later than these words goes by its own name."""
    words = {
        AS_IT_IS: tr("None"),
        "invert": tr("Invert"),
        "canny": tr("Edges (canny)"),
        "scribble": tr("Main lines (scribble)"),
        "tile": tr("Without details (tile)"),
        "depth": tr("Depth"),
        "pose": tr("Pose"),
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

"""The window's screens: one line each. A screen is built when it is first shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from PySide6.QtWidgets import QWidget

if TYPE_CHECKING:
    from desktop.view.app import Workshop

Show = Callable[[int], None]


@dataclass(frozen=True)
class Screen:
    """A screen as the top bar, or its menu, offers it.

    `icon` is a name in resources/icons. `count` tells the function it is given how many there are,
    now and whenever that changes; the number stands beside the title.
    """

    id: str
    title: str
    icon: str
    build: Callable[[Workshop], QWidget]
    place: Literal["bar", "menu"] = "bar"
    keys: str = ""
    count: Callable[[Workshop, Show], None] | None = None


def _make(workshop: Workshop) -> QWidget:
    return workshop.window.make_screen


SCREENS: tuple[Screen, ...] = (Screen("make", "Make", "make", _make, keys="Alt+1"),)

"""What the window's model asks of others: work in another process, and files read in another thread.

Nothing here waits; answers come later, in the window's thread.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from backends.core.contract import MezzotintError, Picture
from desktop.model import work
from desktop.model.extending import Sized, Weighing
from desktop.model.guides import Guide
from desktop.model.recipes import ForeignRecipe
from desktop.model.start import StartPicture

Failing = Callable[[MezzotintError], None]
Looked = Callable[[Picture, tuple[int, int]], None]
"""Is given the picture, small, and its real width and height."""


class Bench(work.Bench, Protocol):
    """Where the work is done, elsewhere."""

    def look(self, picture: StartPicture, then: Looked, failed: Failing) -> None:
        """Has the picture read and made small."""
        ...

    def weigh(self, picture: Sized, then: Callable[[Weighing | None], None]) -> None:
        """Has a picture's memory predicted; None where nobody can say."""
        ...

    def look_prepared(self, guide: Guide, size: tuple[int, int], then: Looked, failed: Failing) -> None:
        """Has made what the ControlNet is shown for a picture of this size, and made small."""
        ...


class Reader(Protocol):
    """Reads files, elsewhere."""

    def open_start(self, path: Path, then: Callable[[StartPicture], None], failed: Failing) -> None:
        """Has a picture's file read, to start from it or for another use."""
        ...

    def open_guide(self, path: Path, then: Callable[[StartPicture], None], failed: Failing) -> None:
        """Has a picture's file read, or a pose's."""
        ...

    def open_recipe(self, path: Path, then: Callable[[ForeignRecipe], None], failed: Failing) -> None:
        """Has the recipe in a picture's file read."""
        ...

"""A picture that is made larger, in a process of its own, as its lines tell."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, cast

from psygnal import SignalGroupDescriptor

from backends.core.contract import LANCZOS
from desktop.model.language import tr
from desktop.model.sentences import said

_STOPPED = 130


class Running(Protocol):
    """A command that runs."""

    def stop(self) -> None: ...


class Starter(Protocol):
    def start(
        self, words: Sequence[str], said: Callable[[str], object], ended: Callable[[int], object]
    ) -> Running:
        """Runs `python -m WORDS`; `said` is given each line, `ended` the exit code."""
        ...


@dataclass(kw_only=True)
class Upscaling:
    """`picture` is the one that is asked about or made larger; None: nothing is.

    `done` of `of` tiles are made. `told` says how it ended; `failed` whether badly.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    picture: Path | None = None
    way: str = LANCZOS
    scale: float = 2.0
    tile: int = 256
    running: bool = False
    done: int = 0
    of: int = 0
    told: str = ""
    failed: bool = False


class UpscaleDesk:
    """Does it, one picture after the other. `made` is called with the new picture's path."""

    def __init__(self, starter: Starter, made: Callable[[Path], object]) -> None:
        self.upscaling = Upscaling()
        self._starter, self._made = starter, made
        self._running: Running | None = None
        self._path: Path | None = None

    def ask(self, picture: Path) -> None:
        """Somebody wants this picture larger, and has still to say how."""
        if not self.upscaling.running:
            self.upscaling.told, self.upscaling.failed = "", False
            self.upscaling.picture = picture

    def start(self, folder: Path, *extra: str) -> None:
        """Makes it, into this folder."""
        at = self.upscaling
        if at.picture is None or at.running:
            return
        at.done, at.of, at.told, at.failed = 0, 0, "", False
        self._path, at.running = None, True
        way = ("--by", at.way, "--scale", f"{at.scale:g}", "--tile", str(at.tile))
        words = ("desktop", "upscale", str(at.picture), *way, "--out", f"{folder}/", "--json", *extra)
        self._running = self._starter.start(words, self._said, self._ended)

    def stop(self) -> None:
        """Stops it after the tile; without one that runs, thinks better of it."""
        if self._running is not None:
            self._running.stop()
        else:
            self.upscaling.picture = None

    def _said(self, line: str) -> None:
        try:
            found: object = json.loads(line)
        except ValueError:
            self.upscaling.told = said(line)
            return
        match cast(Any, found):
            case {"done": int(done), "of": int(of)}:
                self.upscaling.of = of
                self.upscaling.done = done
            case {"path": str(path)}:
                self._path = Path(path)
            case _:
                pass

    def _ended(self, code: int) -> None:
        at, self._running = self.upscaling, None
        at.failed = code not in (0, _STOPPED)
        if self._path is not None:
            at.told = tr("Saved as {name}.", name=self._path.name)
            self._made(self._path)
        elif code == _STOPPED:
            at.told = tr("Stopped.")
        elif not at.told:
            at.told = tr("The process that did it ended ({code}). Try again.", code=code)
        at.running = False

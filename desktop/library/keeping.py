"""Tells the library of pictures as they are saved, and never stands in a picture's way."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from backends.core.contract import MezzotintError, Request
from desktop.library.database import Library, open_library
from desktop.library.index import PictureFile, add_pictures
from desktop.library.prompts import remember_prompt
from desktop.library.record import Record


class Keeper:
    """The library of one run of a command.

    When the database can't be used, `tell` gets one sentence, once, with what to do; the pictures
    are saved all the same, and the library finds those in its folders by itself later.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._library: Library | None = None
        self._given_up = False

    def remember(self, request: Request) -> None:
        """Puts the request's prompts into the history."""
        self._try(lambda library: remember_prompt(library, request))

    def keep(self, path: Path, sha256: str, size: int, record: Record) -> None:
        """Adds a picture that is durable. When this returns its row is durable too, or `tell` was told."""
        file = PictureFile(path=path, sha256=sha256, bytes=size, record=record)
        self._try(lambda library: add_pictures(library, [file]))

    def close(self) -> None:
        """Makes the day's backup, unless there is one, and closes the database."""
        if self._library is not None:
            with contextlib.suppress(MezzotintError), self._library:
                self._library.back_up_daily()

    def _try(self, action: Callable[[Library], None]) -> None:
        if self._given_up:
            return
        try:
            self._library = self._library or open_library()
            action(self._library)
        except MezzotintError as error:
            self._given_up = True
            self._tell(f"Pictures are saved, but not listed in the library: {error.message} {error.action}")

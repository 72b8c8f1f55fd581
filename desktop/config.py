"""The files of the person's choices: read when the program starts, written whenever something changes.

Of the settings only what changed is written: commands in other processes write there too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from psygnal import EmissionInfo
from PySide6.QtCore import QLocale

from backends.core.contract import MezzotintError
from desktop.errands import Errands
from desktop.library.settings_file import (
    SettingsUnreadable,
    merge_settings,
    read_settings,
    settings_path,
    styles_path,
    write_settings,
)
from desktop.model import settings, styles
from desktop.model.language import ENGLISH, LANGUAGES
from desktop.model.settings import SYSTEM


class Config:
    """Settings and styles. What can't be read is as at first, and `keep` says so."""

    def __init__(self) -> None:
        self._problems: list[MezzotintError] = []
        self.settings = settings.from_plain(self._read(settings_path()))
        self.styles = styles.from_plain(self._read(styles_path()))

    def keep(self, errands: Errands, failed: Callable[[MezzotintError], None]) -> None:
        """From now on every change is written, in the errands' thread; problems are told."""
        for problem in self._problems:
            failed(problem)

        def write(info: EmissionInfo) -> None:
            name = info.signal.name
            changed = {name: self.settings.to_plain().get(name)}
            errands.run(partial(merge_settings, settings_path(), changed), _nothing, failed)

        def write_styles(_: object) -> None:
            entries = self.styles.to_plain()
            errands.run(partial(write_settings, styles_path(), entries), _nothing, failed)

        self.settings.events.connect(write)
        self.styles.events.connect(write_styles)

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            return read_settings(path)
        except SettingsUnreadable as problem:
            self._problems.append(problem)
            return {}


def _nothing(_: object) -> None:
    """A file that is written needs no answer."""


def language_for(chosen: str) -> str:
    """The language to speak: the one chosen, or the first of the system's that we have."""
    if chosen != SYSTEM:
        return chosen
    wanted = (name.split("-")[0] for name in QLocale.system().uiLanguages())
    return next((name for name in wanted if name in LANGUAGES), ENGLISH)

"""The models' folders for the window: listed, hashed and thrown away in a thread of its own."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from backends.core.contract import MezzotintError
from desktop.errands import Errands
from desktop.library import paths
from desktop.library.settings_file import read_settings, write_settings
from desktop.model.models_card import ModelCard
from desktop.model.models_state import Listing
from desktop.model.settings import Settings

Failing = Callable[[MezzotintError], None]


class ModelCupboard:
    """It is the model's Cupboard. What can't be kept is told to `failed`."""

    def __init__(self, settings: Settings, failed: Failing) -> None:
        self._settings, self._failed = settings, failed
        self._lists, self._hashes = Errands(), Errands()

    def list(self, then: Callable[[Listing], None]) -> None:
        folders = self._settings.model_folders
        self._lists.run(lambda: _reading().look_around(folders), then, self._failed)

    def hash(self, card: ModelCard, then: Callable[[str], None]) -> None:
        self._hashes.run(lambda: _reading().read_sha256(card), then, self._failed)

    def trash(self, folder: Path, then: Callable[[bool], None]) -> None:
        self._lists.run(lambda: _reading().throw_away(folder), then, self._failed)

    def keep(self, papers: Mapping[str, Any]) -> None:
        self._lists.run(partial(write_settings, papers_path(), papers), _nothing, self._failed)

    def close(self) -> None:
        """Finishes what is to be written."""
        self._lists.close()
        self._hashes.close()


def _reading() -> Any:
    """By name: views must not depend on how models are opened, nor the window's start wait for it."""
    return importlib.import_module("desktop.models_reading")


def papers_path() -> Path:
    """Where notes on models are, and the orders of conversions that are not done."""
    return paths.config_folder() / "models.json"


def read_papers(failed: Failing) -> dict[str, Any]:
    """What was kept; nothing where it can't be read."""
    try:
        return read_settings(papers_path())
    except MezzotintError as error:
        failed(error)
        return {}


def _nothing(_: object) -> None:
    """A file that is written needs no answer."""

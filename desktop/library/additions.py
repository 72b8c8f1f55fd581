"""Where LoRAs, embeddings and wildcards are: in our own folder, and in those that the settings name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from desktop.library import paths
from desktop.library.models import chosen_folders


def search_folders(others: Iterable[Path] = ()) -> tuple[Path, ...]:
    """The places to search, ours first: each may hold "loras", "embeddings" and "wildcards"."""
    own = paths.models_folder().parent
    return (own, *(path.absolute() for path in others), *chosen_folders())

"""A home of its own, and the library in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.library.database import Library, open_library


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """MEZZOTINT_HOME with an empty pictures folder."""
    monkeypatch.setenv("MEZZOTINT_HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "pictures").mkdir(parents=True)
    return tmp_path / "home"


@pytest.fixture
def library(home: Path) -> Iterator[Library]:
    """An open library with nothing in it."""
    with open_library() as library:
        yield library

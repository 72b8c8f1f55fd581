"""A window whose commands never run, with one model in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from tests.desktop.models.kit import (
    StillRunner,
    install,
    open_shop,
)
from tests.desktop.still_window import StillShop


@pytest.fixture
def runner(home: Path) -> StillRunner:
    shutil.rmtree(home / "models" / "tiny")
    install(home, "fox", "Fox", licence="MIT", origin="a friend")
    return StillRunner()


@pytest.fixture
def shop(qtbot: QtBot, home: Path, runner: StillRunner) -> Iterator[StillShop]:
    made = open_shop(qtbot, home, runner)
    yield made
    made.close()

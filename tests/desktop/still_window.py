"""A window whose worker is played by the test: no child process, nothing to wait for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.core.contract import (
    Event,
    Failed,
    Finished,
    MezzotintError,
    PictureReady,
    Request,
    Stage,
    StageStarted,
    StepDone,
)
from desktop.model.extending import Sized
from desktop.model.settings import Settings
from desktop.model.start import StartPicture
from desktop.model.styles import Styles
from desktop.session import Session
from desktop.shelf import Shelf
from desktop.view import theme
from desktop.view.app import Workshop, wear_theme
from tests.desktop.still import MODELS, StillBench
from tests.fakes import FAKE_ENGINE, square


class StillSession(Session):
    """A session that takes jobs and never does them."""

    def __init__(self) -> None:
        super().__init__(lambda made: Path("nowhere.png"), FAKE_ENGINE)
        self.bench = StillBench()
        self.submit, self.cancel = self.bench.submit, self.bench.cancel
        self.end_worker, self.keep = self.bench.end_worker, self.bench.keep
        self.look_prepared = self.bench.look_prepared

    def weigh(self, picture: Sized, then: Callable[..., None]) -> None:
        self.bench.weigh(picture, then)

    def look(self, picture: StartPicture, then: Callable[..., None], failed: Callable[..., None]) -> None:
        self.bench.look(picture, then, failed)


class StillShop(Workshop):
    """A workshop without a worker, and the worker's part for the test to say."""

    def __init__(self, home: Path, styles: Styles | None = None) -> None:
        self.still = StillSession()
        shelf = Shelf(home / "library" / "library.db")
        super().__init__(self.still, shelf, MODELS, settings=Settings(), styles=styles or Styles())

    @property
    def bench(self) -> StillBench:
        return self.still.bench

    @property
    def request(self) -> Request:
        """The last one that was sent to the worker."""
        return self.bench.jobs[-1].request

    def say(self, *events: Event) -> None:
        for event in events:
            self.make.take(event)

    def step(self, step: int) -> None:
        request = self.request
        self.say(StageStarted(request.id, Stage.DENOISING))
        self.say(StepDone(request.id, step, request.steps, 0.5, 0, square(16, 16, step)))

    def finish(self, name: str = "made.png") -> None:
        """The picture is made and saved."""
        request = self.request
        ready = square(request.width, request.height, request.seed)
        self.say(PictureReady(request.id, 0, request.seed, ready, {"denoising": 1.0}, {"model": "Small"}))
        self.make.kept(self.bench.kept[-1], Path(name))
        self.say(Finished(request.id))

    def fail(self, error: MezzotintError) -> None:
        self.say(Failed(self.request.id, error))


@pytest.fixture
def still(qtbot: QtBot, home: Path) -> Iterator[StillShop]:
    wear_theme(cast(QApplication, QApplication.instance()), theme.DARK)
    shop = StillShop(home)
    qtbot.addWidget(shop.window)
    shop.window.show()
    qtbot.waitExposed(shop.window)
    yield shop
    shop.close()

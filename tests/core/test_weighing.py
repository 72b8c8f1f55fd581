"""The worker predicts what a picture takes, as `mezzotint fit` does, and answers while it works."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.core.fit import FITS, TOO_LARGE, predict
from backends.core.model_folder import open_folder
from backends.core.weighing import weigh
from backends.core.worker_client import Worker
from backends.core.worker_messages import Weigh, Weighed
from backends.cpu_offload import BACKEND
from tests.core.test_worker import wait_for
from tests.fakes import FAKE_ENGINE

ID = BACKEND.capabilities.id


@pytest.mark.parametrize("guided", [True, False])
def test_it_says_what_fit_says(tiny_model: Path, guided: bool) -> None:
    for size in ((64, 64), (192, 128)):
        found = weigh(Weigh("a", tiny_model, ID, size, guided))
        told = predict(open_folder(tiny_model), BACKEND.footprint, size, 10**12, 2 if guided else 1)
        assert (found.key, found.verdict, found.need) == ("a", FITS, told.need)


def test_what_does_not_fit(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.core.weighing.available_bytes", lambda: 0)
    monkeypatch.setattr("backends.core.weighing.resident_bytes", lambda: 10**6)
    found = weigh(Weigh("a", tiny_model, ID, (64, 64), True))
    assert (found.verdict, found.free) == (TOO_LARGE, 10**6)


def test_the_worker_answers(tiny_model: Path, tmp_path: Path) -> None:
    worker = Worker(FAKE_ENGINE)
    try:
        worker.ask(Weigh("one", tiny_model, ID, (64, 64), True))
        found = wait_for(worker, Weighed)
        assert found.key == "one"
        assert found.need > 0
        worker.ask(Weigh("two", tmp_path / "gone", ID, (64, 64), True))
        assert wait_for(worker, Weighed) == Weighed("two")
    finally:
        worker.close()

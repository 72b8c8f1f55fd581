"""A home of its own for every test, and the command line over fakes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partialmethod
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from pytestqt.qtbot import QtBot

from backends.core.contract import Request
from tests.desktop.cli_runner import Mezzotint, Ran
from tests.fakes import fake_engine_modules, write_model_configs


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """MEZZOTINT_HOME, with a model called tiny."""
    monkeypatch.setenv("MEZZOTINT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    write_model_configs(tmp_path / "home" / "models" / "tiny")
    return tmp_path / "home"


@pytest.fixture
def mezzotint(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mezzotint:
    """Runs `mezzotint` with these words; `generate` uses the model tiny unless told otherwise."""
    from desktop.cli import app

    seen: list[Request] = []
    for name, module in fake_engine_modules(seen).items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(app, "_be_offline_and_quiet", lambda: None)  # it is for a whole process

    def run(*words: str) -> Ran:
        chosen = {"--model", "--like"} & {word.split("=")[0] for word in words}
        extra = ["--model", "tiny"] if words[:1] == ("generate",) and not chosen else []
        seen.clear()
        capsys.readouterr()
        code = app.run_command([*words, *extra])
        shown = capsys.readouterr()
        return Ran(code, shown.out, shown.err, list(seen))

    return run


@pytest.fixture(autouse=True)
def gone_afterwards() -> Iterator[None]:
    """A test's windows are deleted after it: else each theme that is worn styles all windows so far, too."""
    yield
    if QCoreApplication.instance():
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting ends when the condition holds, however slow the machine is."""
    monkeypatch.setattr(QtBot, "waitUntil", partialmethod(QtBot.waitUntil, timeout=60_000))

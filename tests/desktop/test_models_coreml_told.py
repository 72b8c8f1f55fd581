"""Where there is no Core ML, `mezzotint doctor` and Settings say so, in the backend's own words."""

from __future__ import annotations

import sys

import pytest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from backends.core import coreml_runtime
from backends.core.registry import all_backends
from desktop.cli import inspect
from desktop.cli.arguments import InspectOptions
from desktop.model.backends import BackendState
from tests.desktop.still_window import StillShop, still  # noqa: F401  a fixture

SENTENCE = "Core ML needs a Mac with macOS 13 or newer: use another backend here."


@pytest.fixture(autouse=True)
def no_mac(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(coreml_runtime.VARIABLE, raising=False)
    monkeypatch.setattr(coreml_runtime.sys, "platform", "linux")


@pytest.mark.skipif(sys.platform == "darwin", reason="there Core ML can run")
def test_doctor_says_it(home: object, capsys: pytest.CaptureFixture[str]) -> None:
    inspect.run_doctor(InspectOptions())
    said = capsys.readouterr().out
    assert (
        f"coreml: Core ML, for Apple silicon: Neural Engine, GPU or CPU\n    can't run here. {SENTENCE}"
        in said
    )
    assert "(not yet tried on the real hardware)" in said


def test_settings_say_it(still: StillShop, qtbot: QtBot) -> None:  # noqa: F811
    (coreml,) = [each for each in all_backends() if each.capabilities.id == "coreml"]
    still.backends.found = (BackendState(coreml.capabilities, coreml.probe()),)
    screen = still.window.show_screen("settings")
    assert SENTENCE in [label.text() for label in screen.findChildren(QLabel)]

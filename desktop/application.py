"""Puts the parts of the window's process together: library, session, model, view."""

from __future__ import annotations

import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from PySide6.QtWidgets import QApplication

from backends.core.contract import BrokenModel
from backends.core.model_folder import read_facts
from desktop.library import paths
from desktop.library.destination import Destination
from desktop.library.models import STARTER, InstalledModel, installed_models
from desktop.library.pictures import encode_picture
from desktop.library.record import describe
from desktop.library.saving import make_folder
from desktop.model.form import ModelChoice
from desktop.model.studio import Made
from desktop.session import Session
from desktop.view.app import Workshop, dress


def run_window() -> int:
    """Opens the window and stays until it is closed. Returns the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Qt's loop would not let Python see Ctrl+C
    app = QApplication(sys.argv[:1])
    dress(app)
    workshop = Workshop(Session(save_picture), model_choices())
    workshop.open()
    try:
        return app.exec()
    finally:
        workshop.close()


def model_choices() -> tuple[ModelChoice, ...]:
    """The installed models that can be read, the starter first."""
    choices = [_choice(model) for model in installed_models()]
    return tuple(choice for choice in choices if choice is not None)


def _choice(model: InstalledModel) -> ModelChoice | None:
    try:
        facts = read_facts(model.folder)
    except BrokenModel:
        return None
    title = "Starter" if model.name == STARTER else model.name
    return ModelChoice(name=model.name, title=title, folder=model.folder, defaults=facts.defaults)


def save_picture(made: Made) -> Path:
    """Writes the picture, with its recipe inside, to the pictures folder. Raises SaveFailed."""
    created = datetime.now(UTC).isoformat(timespec="seconds")
    record = describe(made.request, made.event, None, created)
    folder = paths.pictures_folder()
    make_folder(folder)
    data = encode_picture(made.event.picture, record)
    return Destination(folder).save(data, made.request, made.event.picture_index)

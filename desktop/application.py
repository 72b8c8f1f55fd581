"""Puts the parts of the window's process together: library, session, model, view."""

from __future__ import annotations

import contextlib
import signal
import sys
from pathlib import Path

from PySide6.QtWidgets import QApplication

from backends.core.contract import BrokenModel
from backends.core.model_folder import open_folder
from desktop.config import Config, language_for
from desktop.keeping import Keeping
from desktop.library import paths
from desktop.library.model_papers import made_sizes
from desktop.library.models import InstalledModel, installed_models, models_in
from desktop.library.settings_file import SettingsUnreadable
from desktop.model.form import ModelChoice
from desktop.model.language import speak
from desktop.model.settings import Settings
from desktop.only_one import OnlyOne
from desktop.session import Session
from desktop.shelf import Shelf
from desktop.shown import Shown
from desktop.view import window_state
from desktop.view.app import Workshop, dress


def run_window() -> int:
    """Opens the window and stays until it is closed. Returns the exit code.

    Where there is a window already, that one comes to the front instead.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Qt's loop would not let Python see Ctrl+C
    app = QApplication(sys.argv[:1])
    only = OnlyOne()
    if not only.claim():
        return 0
    shown = Shown(app, open_workshop)
    only.answer(shown.raise_window)
    try:
        return app.exec()
    finally:
        only.close()
        shown.close()


def open_workshop(app: QApplication) -> Workshop:
    """Everything there is, with its window open, as it was the last time."""
    config = Config()
    settings = config.settings
    speak(language_for(settings.language))
    dress(app, settings)
    shelf = Shelf()
    session = Session(Keeping(shelf, settings))
    workshop = Workshop(session, shelf, model_choices(settings), settings=settings, styles=config.styles)
    with contextlib.suppress(SettingsUnreadable):  # then the window is as at first
        window_state.restore(workshop.window)
    workshop.open()
    config.keep(workshop.errands, workshop.make.not_opened)
    return workshop


def model_choices(settings: Settings | None = None) -> tuple[ModelChoice, ...]:
    """The installed models that can be read, the starter first; then those in the settings' folders."""
    folders = [paths.expand(folder) for folder in settings.model_folders] if settings else []
    choices = [_choice(model) for model in (*installed_models(), *models_in(folders))]
    return tuple(choice for choice in choices if choice is not None)


def _choice(model: InstalledModel) -> ModelChoice | None:
    try:
        folder = open_folder(model.folder)
        facts = folder.facts
    except BrokenModel:
        return None
    title = str(folder.manifest.get("title", Path(model.name).name))
    return ModelChoice(
        name=model.name,
        title=title,
        folder=model.folder,
        defaults=facts.defaults,
        samplers=facts.samplers,
        takes_controls=facts.takes_controls,
        takes_references=facts.takes_references,
        made_for=str(folder.manifest.get("made_for", "")),
        size_step=facts.size_step,
        sizes=made_sizes(folder),
        family=facts.family,
        refines=facts.refines,
        has_refiner=facts.has_refiner,
        takes_depth=facts.takes_depth,
        finds_depth=facts.finds_depth,
    )

"""Settings: hardware, pictures, models, look, network. Every change counts at once."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QScrollArea, QVBoxLayout, QWidget

from desktop.config import language_for
from desktop.library import paths
from desktop.library.naming import DEFAULT_TEMPLATE, FIELDS, NameParts, check_template, fill_template
from desktop.model.language import LANGUAGES, spoken, tr
from desktop.model.network import network_uses
from desktop.model.sentences import said
from desktop.model.settings import SYSTEM
from desktop.view import bind, theme
from desktop.view.controls import CalmComboBox
from desktop.view.settings_hardware import HardwareSection
from desktop.view.settings_parts import FolderField, FolderList, Section, beside, switch, wrapped

if TYPE_CHECKING:
    from desktop.view.app import Workshop

_WIDEST = 760


class SettingsScreen(QScrollArea):
    """One column of sections."""

    def __init__(self, workshop: Workshop) -> None:
        super().__init__()
        self._workshop, self._settings, self._make = workshop, workshop.settings, workshop.make
        self.hardware = HardwareSection(workshop)
        title = QLabel(tr("Settings"))
        title.setFont(theme.title_font())
        column = QVBoxLayout()
        column.setContentsMargins(theme.MARGIN, theme.MARGIN, theme.MARGIN, theme.MARGIN)
        column.setSpacing(theme.MARGIN)
        column.addWidget(title)
        for section in (self.hardware, self._pictures(), self._models(), self._look(), self._network()):
            column.addWidget(section)
        column.addStretch(1)
        inner, outer = QWidget(), QWidget()
        inner.setLayout(column)
        inner.setMaximumWidth(_WIDEST)
        line = QHBoxLayout(outer)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(inner)
        outer.setObjectName("page")
        self.setWidget(outer)
        self.setWidgetResizable(True)

    def _pictures(self) -> Section:
        section = Section(tr("Pictures"))
        usual = str(paths.pictures_folder())
        self.folder = FolderField(
            tr("Folder"), usual, lambda path: setattr(self._settings, "picture_folder", path)
        )
        self.template, self.name_look = QLineEdit(), wrapped()
        self.metadata = switch(tr("Write how a picture was made into its file"))
        self.previews = switch(tr("Show the picture while it is made"))
        self.notify = switch(tr("Tell me when a long job is done and the window is out of sight"))
        section.add(tr("Folder"), self.folder, tr("For new pictures. Those you have stay where they are."))
        fields = " ".join(f"{{{name}}}" for name in FIELDS)
        section.add(tr("File names"), self.template, tr("May hold: {fields}", fields=fields))
        section.add_wide(self.name_look, self.metadata)
        section.add_wide(
            wrapped(tr("Without it only the library remembers, and dropping the file back finds nothing."))
        )
        section.add_wide(self.previews, self.notify)
        bind.follow(self._settings, "picture_folder", self.folder.edit.setText)
        bind.follow(self._settings, "name_template", self._show_template)
        self.template.textEdited.connect(self._take_template)
        for box, name in (
            (self.metadata, "write_metadata"),
            (self.previews, "previews"),
            (self.notify, "notify"),
        ):
            bind.toggle(box, self._settings, name)
        return section

    def _models(self) -> Section:
        section = Section(tr("Models"))
        self.model_folders = FolderList(lambda folders: setattr(self._settings, "model_folders", folders))
        section.add(
            tr("Folders"),
            self.model_folders,
            tr("Looked through besides {folder}, from the next start.", folder=paths.models_folder()),
        )
        bind.follow(self._settings, "model_folders", self.model_folders.show_folders)
        return section

    def _look(self) -> Section:
        section = Section(tr("Look"))
        themes = {SYSTEM: tr("As the system"), "light": tr("Light"), "dark": tr("Dark")}
        self.theme = _combo(themes)
        self.language = _combo({SYSTEM: tr("As the system"), **LANGUAGES})
        section.add(tr("Theme"), self.theme)
        self.speak_now = QPushButton(tr("Speak it now"))
        self.speak_now.setToolTip(tr("Opens the window anew; what is being made waits in the queue"))
        self.speak_now.clicked.connect(self._reopen)
        words = tr("Spoken from the next start, or at once with the button.")
        section.add(tr("Language"), beside(self.language, self.speak_now), words)
        self.language.setAccessibleName(tr("Language"))
        bind.choice(self.theme, self._settings, "theme")
        bind.choice(self.language, self._settings, "language")
        bind.follow(self._settings, "language", self._show_speakable)
        return section

    def _show_speakable(self, chosen: str) -> None:
        """There is something to do where another language is chosen than the window speaks."""
        self.speak_now.setEnabled(language_for(chosen) != spoken())

    def _reopen(self) -> None:
        if self._workshop.reopen is not None:
            self._workshop.reopen()

    def _network(self) -> Section:
        section = Section(tr("Network"))
        self.offline = switch(tr("Offline: nothing may use the network"))
        self.offline.setToolTip(
            tr("Off, it allows what you ask for below, and nothing that you did not ask for")
        )
        section.add_wide(self.offline)
        section.add_wide(wrapped(tr("Everything that could ever use it:")))
        for use in network_uses().values():
            section.add(use.title, wrapped(use.what))
        bind.toggle(self.offline, self._settings, "offline")
        return section

    def _take_template(self, template: str) -> None:
        """Only a template that makes names is used."""
        wrong = check_template(template)
        if wrong is None:
            self._settings.name_template = template
        else:
            self.name_look.setText(said(wrong))

    def _show_template(self, template: str) -> None:
        if self.template.text() != template:
            self.template.setText(template)
        form = self._make.form
        parts = NameParts(
            moment=datetime.now(), seed=form.seed, prompt=form.prompt, model=form.model, width=form.width,
            height=form.height, steps=form.steps, sampler=form.sampler, guidance=form.guidance_scale,
        )  # fmt: skip
        name = fill_template(template or DEFAULT_TEMPLATE, parts)
        self.name_look.setText(tr("The next one: {name}", name=f"{name}.png"))


def _combo(choices: dict[str, str]) -> CalmComboBox:
    box = CalmComboBox()
    for value, words in choices.items():
        box.addItem(words, value)
    return box

"""Settings, hardware: which backend, its options, and trying it out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import (
    QButtonGroup,
    QFormLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from backends.core.contract import Capabilities, Option, Picture
from desktop.model.backends import BackendState
from desktop.model.language import tr
from desktop.model.sentences import said
from desktop.model.settings import AUTO
from desktop.view import bind, theme
from desktop.view.canvas import to_pixmap
from desktop.view.controls import CalmComboBox, caption
from desktop.view.settings_parts import LABELS, Section, beside, wrapped

if TYPE_CHECKING:
    from desktop.view.app import Workshop

_LOOK = 96


class HardwareSection(Section):
    """Drawn anew whenever the worker has looked at the hardware."""

    def __init__(self, workshop: Workshop) -> None:
        super().__init__(tr("Hardware"))
        self._settings, self._backends = workshop.settings, workshop.backends
        self._try_out, self._session = workshop.try_out, workshop.session
        self.choices: dict[str, QRadioButton] = {}
        self.options: dict[str, QWidget] = {}
        self.why, self.precision, self.result, self.look = wrapped(), wrapped(), QLabel(), QLabel()
        self.try_it, self.check = QPushButton(tr("Try it")), QPushButton(tr("Check again"))
        self._group, self._lines, self._option_rows = QButtonGroup(self), QVBoxLayout(), QFormLayout()
        self._lay_out()
        self.try_it.clicked.connect(lambda: self._try_out.start(self._chosen_id()))
        self.check.clicked.connect(self._check_again)
        bind.follow(self._backends, "found", self._show_backends)
        self._settings.events.backend.connect(lambda _: self._show_chosen())
        for name in ("running", "headline", "picture"):
            bind.follow(self._try_out.trial, name, self._show_trial)

    def _lay_out(self) -> None:
        choices, options = QWidget(), QWidget()
        choices.setLayout(self._lines)
        options.setLayout(self._option_rows)
        for layout in (self._lines, self._option_rows):
            layout.setContentsMargins(0, 0, 0, 0)
            layout.setSpacing(theme.GRID)
        self._option_rows.setHorizontalSpacing(theme.MARGIN)
        self.result.setWordWrap(True)
        self.look.setVisible(False)
        self.try_it.setToolTip(tr("Makes one picture with the starter model and keeps nothing"))
        self.check.setToolTip(tr("Starts the worker anew and asks every backend"))
        buttons = beside(self.result, self.try_it, self.check)
        self.add_wide(self.why, choices, options, self.precision, buttons, self.look)

    def _show_backends(self, found: tuple[BackendState, ...]) -> None:
        while item := self._lines.takeAt(0):
            if widget := item.widget():
                widget.deleteLater()
        self.why.setText(self._backends.why_automatic())
        self.choices = {AUTO: self._choice(AUTO, tr("Automatic"), "")}
        for state in found:
            about = state.capabilities
            self.choices[about.id] = self._choice(
                about.id, f"{about.name}, {said(about.hardware)}", _fate(state)
            )
        self._show_chosen()

    def _choice(self, backend: str, words: str, fate: str) -> QRadioButton:
        button = QRadioButton(words)
        button.setMinimumHeight(24)
        self._group.addButton(button)
        button.clicked.connect(partial(setattr, self._settings, "backend", backend))
        self._lines.addWidget(button)
        if fate:
            line = wrapped(fate)
            line.setContentsMargins(26, 0, 0, 4)
            self._lines.addWidget(line)
            button.setAccessibleDescription(fate)
        return button

    def _show_chosen(self) -> None:
        """The options of the backend that would be used."""
        button = self.choices.get(self._settings.backend) or self.choices[AUTO]
        button.setChecked(True)
        while self._option_rows.rowCount():
            self._option_rows.removeRow(0)
        self.options = {}
        state = self._backends.find(self._settings.backend)
        self.precision.setVisible(state is not None)
        self.try_it.setEnabled(state is not None and state.reason is None)
        if state is not None:
            self._show_options(state.capabilities)

    def _show_options(self, about: Capabilities) -> None:
        names = ", ".join(about.precisions)
        words = tr("Computes in {precisions}.", precisions=names)
        if not about.checked_on_hardware:
            words += " " + tr("Not yet tested on this kind of hardware.")
        self.precision.setText(words)
        for option in about.options:
            control = self._option(about.id, option)
            control.setToolTip(said(option.help))
            self.options[option.id] = control
            label = caption(tr(option.label), control)
            label.setMinimumWidth(LABELS)
            self._option_rows.addRow(label, control)
            self._option_rows.addRow("", wrapped(said(option.help)))

    def _option(self, backend: str, option: Option) -> QWidget:
        value = self._settings.options_for(backend).get(
            option.id, option.choices[0] if option.choices else ""
        )
        choose = partial(self._settings.choose_option, backend, option.id)
        if not option.choices:
            edit = QLineEdit(value)
            edit.editingFinished.connect(lambda: choose(edit.text().strip()))
            return edit
        box = CalmComboBox()
        for each in option.choices:
            box.addItem(tr(each), each)
        box.setCurrentIndex(max(0, box.findData(value)))
        box.activated.connect(lambda index: choose(box.itemData(index)))
        return box

    def _show_trial(self, _: object) -> None:
        trial = self._try_out.trial
        self.try_it.setEnabled(not trial.running)
        self.result.setText(trial.headline)
        self.look.setVisible(trial.picture is not None)
        if trial.picture is not None:
            self.look.setPixmap(_small(trial.picture))

    def _chosen_id(self) -> str:
        state = self._backends.find(self._settings.backend)
        return state.capabilities.id if state else AUTO

    def _check_again(self) -> None:
        self._backends.found = ()
        self._session.restart_worker()


def _fate(state: BackendState) -> str:
    return tr("Ready") if state.reason is None else said(state.reason)


def _small(picture: Picture) -> QPixmap:
    scale = _LOOK / max(picture.width, picture.height)
    return to_pixmap(picture, round(picture.width * scale), round(picture.height * scale))

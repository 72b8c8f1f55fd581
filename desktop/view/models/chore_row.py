"""A conversion, an import or a download that goes on or was stopped: how far it is, and its buttons."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QPushButton

from desktop.model.language import tr
from desktop.model.models_chore import Chore
from desktop.model.models_fit import in_bytes
from desktop.model.progress import in_words
from desktop.view import theme
from desktop.view.controls import ElidedLabel, column
from desktop.view.settings_parts import wrapped

_FINE = 1000


class ChoreRow(QFrame):
    """Shows a chore; the buttons fit its state."""

    def __init__(self, chore: Chore, actions: Mapping[str, Callable[[], object]]) -> None:
        super().__init__()
        self.setObjectName("section")
        self.title, self.words, self.bar = ElidedLabel(), wrapped(), QProgressBar()
        self.stop, self.go_on = QPushButton(tr("Stop")), QPushButton()
        self.throw_away = QPushButton(tr("Throw away"))
        self._lay_out()
        for button, name in ((self.stop, "stop"), (self.go_on, "go_on"), (self.throw_away, "throw_away")):
            button.clicked.connect(actions[name])
        self.show_chore(chore)

    def show_chore(self, chore: Chore) -> None:
        """The same one, further on."""
        self.chore = chore
        keeps = chore.ask is not None or bool(chore.source)
        self.title.setText(_title(chore))
        self.stop.setVisible(not chore.is_over)
        self.stop.setEnabled(chore.state != "stopping")
        running = tr("Pause") if chore.source else tr("Stop")
        self.stop.setText(tr("Cancel") if chore.state == "waiting" else running)
        self.go_on.setVisible(chore.is_over and (keeps or chore.state == "failed"))
        self.go_on.setText(tr("Go on") if keeps else tr("Try again"))
        self.throw_away.setVisible(chore.is_over or (bool(chore.source) and chore.state == "running"))
        self.bar.setVisible(chore.state in ("running", "stopping"))
        fraction = chore.fraction
        self.bar.setRange(0, 0 if fraction is None else _FINE)
        self.bar.setValue(0 if fraction is None else round(fraction * _FINE))
        self.show_time()

    def show_time(self) -> None:
        """What goes on, and for how long."""
        self.words.setText(_words(self.chore))

    def _lay_out(self) -> None:
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(tr("Progress"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, theme.GRID, 12, theme.GRID)
        layout.setSpacing(theme.GRID)
        layout.addLayout(column(self.title, self.words, self.bar), 1)
        for button in (self.go_on, self.stop, self.throw_away):
            layout.addWidget(button)


def _title(chore: Chore) -> str:
    if chore.source:
        return tr("Downloading {name}", name=chore.title)
    made = chore.ask is not None or chore.state == "stopped"
    return tr("Preparing {name}", name=chore.title) if made else tr("Adding {name}", name=chore.title)


def _words(chore: Chore) -> str:
    if chore.source and chore.state in ("running", "stopped"):
        return _bytes(chore)
    if chore.state == "waiting":
        return tr("Waits for what goes on before it")
    if chore.state == "stopping":
        return tr("Stopping")
    if chore.state == "failed":
        return chore.problem
    if chore.state == "stopped":
        kept = tr("Stopped. What is finished is kept.") if chore.ask else tr("Stopped.")
        return chore.words if chore.folder else kept
    parts = [tr(chore.words) if chore.words else tr("Starting")]
    if chore.of:
        parts[0] += f" ({min(chore.done + 1, chore.of)}/{chore.of})"
    if chore.began is not None:
        parts.append(in_words(time.monotonic() - chore.began))
    return ", ".join(parts)


def _bytes(chore: Chore) -> str:
    """How far a download is; what the hub says of it comes first."""
    come = tr("{done} of {size}", done=in_bytes(chore.done), size=in_bytes(chore.of)) if chore.of else ""
    if chore.state == "stopped":
        return (
            tr("Paused at {come}; it goes on from there, another day too.", come=come)
            if come
            else tr("Paused")
        )
    told = [come or tr("Asking the hub"), chore.about and tr("Licence: {name}", name=chore.about)]
    if chore.began is not None:
        told.append(in_words(time.monotonic() - chore.began))
    return ", ".join(each for each in told if each)

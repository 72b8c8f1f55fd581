"""A conversion or an import that goes on, was stopped or failed: how far it is, and its buttons."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QPushButton

from desktop.model.language import tr
from desktop.model.models_chore import Chore
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
        made = chore.ask is not None or chore.state == "stopped"
        self.title.setText(
            tr("Preparing {name}", name=chore.title) if made else tr("Adding {name}", name=chore.title)
        )
        self.stop.setVisible(not chore.is_over)
        self.stop.setEnabled(chore.state != "stopping")
        self.stop.setText(tr("Cancel") if chore.state == "waiting" else tr("Stop"))
        self.go_on.setVisible(chore.is_over and (chore.ask is not None or chore.state == "failed"))
        self.go_on.setText(tr("Go on") if chore.ask is not None else tr("Try again"))
        self.throw_away.setVisible(chore.is_over)
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
        for button in (self.go_on, self.throw_away, self.stop):
            layout.addWidget(button)


def _words(chore: Chore) -> str:
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

"""Which backends can run a model on this computer, and what it needs there."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout

from desktop.model.backends import Backends
from desktop.model.language import tr
from desktop.model.models_card import ModelCard
from desktop.model.models_fit import Verdict
from desktop.model.models_state import Models
from desktop.view import bind
from desktop.view.models.words import add_words
from desktop.view.settings_parts import Section
from desktop.view.text import ProseLabel

SIGNS = {"good": "✓", "slow": "~", "no": "–"}


class VerdictSection(Section):
    """Follows what was found out; until then it says that somebody is looking."""

    def __init__(self, backends: Backends, models: Models) -> None:
        super().__init__(tr("On this computer"))
        self._backends, self._models = backends, models
        self._card: ModelCard | None = None
        self._lines = QVBoxLayout()
        self._lines.setContentsMargins(0, 0, 0, 0)
        self._lines.setSpacing(6)
        self.lines: list[ProseLabel] = []
        add_words(self, self._lines)
        bind.follow(models, "verdicts", lambda _: self._show())
        backends.events.found.connect(lambda _: self._show())

    def show_card(self, card: ModelCard) -> None:
        """Hidden for a model that can't be used at all."""
        self._card = card
        self.setVisible(not card.problem)
        self._show()

    def _show(self) -> None:
        if self._card is None:
            return
        found = self._models.verdicts.get(self._card.name)
        if found is None:
            words = [tr("Looking what can run it here")]
        else:
            words = [self._words(each) for each in found] or [tr("It could not be found out.")]
        for label in self.lines:
            self._lines.removeWidget(label)
            label.deleteLater()
        self.lines = [ProseLabel(each) for each in words]
        for label in self.lines:
            self._lines.addWidget(label)
            label.show()

    def _words(self, verdict: Verdict) -> str:
        return f"{SIGNS[verdict.sign]}  {words_of(verdict, self._backends)}"


def words_of(verdict: Verdict, backends: Backends) -> str:
    """The backend's name, and what is said of it."""
    state = backends.find(verdict.backend)
    name = state.capabilities.name if state else verdict.backend
    return verdict.words if verdict.words.startswith(name) else f"{name}: {verdict.words}"

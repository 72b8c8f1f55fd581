"""How a model is to be prepared for other hardware, and the button that does it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QWidget

from desktop.model.language import tr
from desktop.model.models_ask import BITS, TARGETS, Ask
from desktop.model.models_card import ModelCard
from desktop.view.controls import CalmComboBox
from desktop.view.models import said
from desktop.view.settings_parts import Section


class PrepareSection(Section):
    """`wanted` is called with the order. The words on the button follow what is chosen."""

    def __init__(self, models: Path, wanted: Callable[[Ask], object]) -> None:
        super().__init__(tr("Prepare for Apple hardware"))
        self._models, self._wanted = models, wanted
        self._card: ModelCard | None = None
        self.target, self.bits, self.sizes = CalmComboBox(), CalmComboBox(), QLineEdit()
        self.go = QPushButton()
        self._fill()
        self._lay_out()
        self.target.currentIndexChanged.connect(lambda _: self._name_button())
        self.go.clicked.connect(self._send)

    def show_card(self, card: ModelCard) -> None:
        """For this model."""
        if self._card is not None and self._card.folder == card.folder:
            return
        self._card = card
        told = card.defaults
        self.sizes.clear()
        self.sizes.setPlaceholderText(f"{told.width}x{told.height}" if told else "")

    def _fill(self) -> None:
        for name in TARGETS:
            self.target.addItem(said.target(name), name)
        for bits in BITS:
            more = {"16": tr("as close as can be"), "4": tr("needs macOS 15")}.get(bits, "")
            words = tr("{bits} bits", bits=bits)
            self.bits.addItem(f"{words}, {more}" if more else words, bits)
        self.sizes.setToolTip(tr("Sizes in pixels such as 512x512,768x512; a prepared model makes no others"))

    def _lay_out(self) -> None:
        self.add(tr("For"), self.target)
        self.add(tr("Weights"), self.bits)
        self.add(tr("Sizes"), self.sizes)
        line = QWidget()
        layout = QHBoxLayout(line)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.go)
        layout.addStretch(1)
        words = tr(
            "Makes a second model beside this one, on any computer; a Mac uses it. Every network is compared "
            "with the original afterwards. Not yet tried on a real Mac."
        )
        self.add("", line, words)
        self._name_button()

    def _name_button(self) -> None:
        names = {
            "neural-engine": tr("Prepare for the Neural Engine"),
            "gpu": tr("Prepare for the GPU"),
            "any": tr("Prepare for any Mac"),
        }
        self.go.setText(names[self.target.currentData()])

    def _send(self) -> None:
        if self._card is None:
            return
        ask = Ask(
            model=str(self._card.folder),
            models=str(self._models),
            target=self.target.currentData(),
            bits=self.bits.currentData(),
            sizes=self.sizes.text().strip(),
        )
        self._wanted(ask)

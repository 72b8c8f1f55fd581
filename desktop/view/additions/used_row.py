"""A LoRA of the prompt: how much it counts, whether it fits, and the words that wake it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QPushButton, QSizePolicy, QVBoxLayout, QWidget

from desktop.model.additions import AdditionsDesk, Used
from desktop.model.language import tr
from desktop.view import bind, theme
from desktop.view.controls import CalmDoubleSpinBox, ElidedLabel, row, slider
from desktop.view.gallery.flow import FlowLayout
from desktop.view.icons import IconButton
from desktop.view.settings_parts import wrapped

_MOST, _TENTHS = 10.0, 20
"""How far the number goes, and the slider, in tenths."""
_NUMBER = 72


class UsedRow(QWidget):
    """Shows what the prompt says of a LoRA, and writes it there."""

    def __init__(self, desk: AdditionsDesk, name: str) -> None:
        super().__init__()
        self.name, self.weight, self.slider = (
            ElidedLabel(),
            CalmDoubleSpinBox(-_MOST, _MOST, 0.05),
            slider(0, _TENTHS),
        )
        self.remove = IconButton("close", tr("Remove {name}", name=name), flat=True)
        self.trouble, self.words = wrapped(), WordChips(desk.write)
        self.name.setText(name)
        self.weight.setFixedWidth(_NUMBER)
        self.trouble.setObjectName("warningText")
        for field in (self.weight, self.slider):
            field.setAccessibleName(tr("How much {name} counts", name=name))
            field.setToolTip(tr("How much it counts; 1 is as it was trained (LoRA weight)"))
        bind.slide(self.slider, self.weight)
        self._lay_out()
        self.weight.valueChanged.connect(lambda value: desk.weigh(name, value))
        self.remove.clicked.connect(lambda: desk.remove(name))

    def show_used(self, used: Used) -> None:
        """As the prompt has it now."""
        with QSignalBlocker(self.weight):
            self.weight.setDecimals(2 if round(used.tag.weight, 2) == used.tag.weight else 3)
            self.weight.setValue(used.tag.weight)
        with QSignalBlocker(self.slider):
            self.slider.setValue(round(used.tag.weight * 10))
        card = used.card
        told = (card.misfit or " ".join(card.left_out)) if card else ""
        self.trouble.setText(told)
        self.trouble.setVisible(bool(told))
        self.words.show_words(card.words if card else ())

    def _lay_out(self) -> None:
        head = row(self.name, self.weight, self.remove)
        head.setStretch(0, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(head)
        for widget in (self.slider, self.trouble, self.words):
            layout.addWidget(widget)
        layout.addSpacing(theme.GRID)


class WordChips(QWidget):
    """The words that wake a LoRA; a click puts one into the prompt."""

    def __init__(self, write: Callable[[str], object]) -> None:
        super().__init__()
        self._write, self._flow = write, FlowLayout(self)
        self.chips: dict[str, QPushButton] = {}
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def show_words(self, words: tuple[str, ...]) -> None:
        if tuple(self.chips) != words:
            self._fill(words)
        self.setVisible(bool(words))

    def _fill(self, words: tuple[str, ...]) -> None:
        while (item := self._flow.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.chips = {}
        for word in words:
            chip = QPushButton(word.replace("&", "&&"))
            chip.setObjectName("chip")
            chip.setToolTip(tr("Put \u201c{word}\u201d into the prompt (trigger word)", word=word))
            chip.clicked.connect(lambda _=False, word=word: self._write(word))
            self._flow.addWidget(chip)
            self.chips[word] = chip
        self.updateGeometry()

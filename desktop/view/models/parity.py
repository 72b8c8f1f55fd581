"""How close a prepared model is to the one it was made from, as it was measured when it was made."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from desktop.model.language import tr
from desktop.model.models_card import ModelCard
from desktop.view import theme
from desktop.view.models import said
from desktop.view.settings_parts import Section, wrapped

_ENOUGH = 35.0
"""Apple's own gate for a compressed model, in dB (ml-stable-diffusion)."""


class ParitySection(Section):
    """A line a network: in exact arithmetic, and rounded as the hardware rounds."""

    def __init__(self) -> None:
        super().__init__(tr("How close it is to the original"))
        self._box, self._grid = QWidget(), QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(theme.MARGIN)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(3, 1)
        self._box.setLayout(self._grid)
        self.words = wrapped()
        self.cells: dict[str, tuple[str, str]] = {}
        self.add_wide(self._box, self.words)

    def show_card(self, card: ModelCard) -> None:
        """Hidden for a model that is no conversion."""
        self.setVisible(bool(card.made_for) and not card.problem)
        while item := self._grid.takeAt(0):
            if widget := item.widget():
                widget.deleteLater()
        parity, self.cells = card.parity, {}
        for column, words in enumerate(
            ("", tr("Exact arithmetic"), tr("Rounded to 16 bits")) if parity else ()
        ):
            self._put(words, 0, column, "caption")
        for line, each in enumerate(parity, start=1):
            told = [_decibels(each.decibels.get(key)) for key in ("fp32", "fp16")]
            self.cells[each.network] = (told[0], told[1])
            for column, words in enumerate((said.network(each.network), *told)):
                self._put(words, line, column, "")
        self.words.setText(_sentence(card))

    def _put(self, words: str, line: int, column: int, name: str) -> None:
        label = QLabel(words)
        label.setObjectName(name)
        side = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
        self._grid.addWidget(label, line, column, side)
        label.show()


def _decibels(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} dB"


def _sentence(card: ModelCard) -> str:
    values = [each.decibels.get("fp16", each.decibels.get("fp32", 0.0)) for each in card.parity]
    if not values:
        return tr("It was not compared. Prepare it again to see how close it is.")
    if min(values) >= _ENOUGH:
        return tr("More is closer. Every network is above {gate} dB, as it should be.", gate=f"{_ENOUGH:g}")
    return tr(
        "More is closer. A network is below {gate} dB: pictures will differ. More bits bring it closer.",
        gate=f"{_ENOUGH:g}",
    )

"""A file that a prompt can name, in the list: its name, and what there is to say of it at a glance."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QFrame, QVBoxLayout

from desktop.model.additions import AdditionCard
from desktop.model.language import tr
from desktop.view import theme
from desktop.view.controls import ElidedLabel

_HEIGHT = 44


class CardRow(QFrame):
    """Shows a card."""

    def __init__(self, card: AdditionCard) -> None:
        super().__init__()
        self.setObjectName("queueRow")
        self.card = card
        self.title, self.about = ElidedLabel(), ElidedLabel()
        self.mark(False)
        self.about.setText(about(card))
        self.about.setObjectName("quiet")
        self.about.setFont(theme.quiet_font())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.GRID, 4, theme.GRID, 4)
        layout.setSpacing(0)
        layout.addWidget(self.title)
        layout.addWidget(self.about)

    def mark(self, named: bool) -> None:
        """Whether the prompt names it."""
        self.title.setText(f"✓ {self.card.name}" if named else self.card.name)

    def sizeHint(self) -> QSize:
        return QSize(120, _HEIGHT)


def about(card: AdditionCard) -> str:
    """What is wrong with it; else for which models it is, whether it fits, its words or its choices."""
    if card.problem:
        return card.problem
    if card.kind == "wildcard":
        return tr("1 choice") if card.lines == 1 else tr("{count} choices", count=card.lines)
    fits = {True: tr("fits"), False: tr("does not fit"), None: ""}[card.fits]
    told = [card.base, fits, ", ".join(card.words)]
    return "; ".join(each for each in told if each) or tr("says nothing of itself")


def describe(card: AdditionCard) -> str:
    """The row in words, for those who can't see it."""
    return f"{card.name}, {about(card)}"

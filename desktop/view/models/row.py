"""One model in the list: its picture, its name, and what there is to say of it at a glance."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel

from desktop.model.models_card import ModelCard
from desktop.view import theme
from desktop.view.controls import ElidedLabel, column
from desktop.view.icons import show_instead, show_sign
from desktop.view.models import said

THUMB = 40


class ModelRow(QFrame):
    """Shows a card."""

    def __init__(self, card: ModelCard) -> None:
        super().__init__()
        self.setObjectName("queueRow")
        self.card = card
        self.thumbnail, self.title, self.about = QLabel(), ElidedLabel(), ElidedLabel()
        self.thumbnail.setFixedSize(QSize(THUMB, THUMB))
        self.thumbnail.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.about.setObjectName("quiet")
        self.about.setFont(theme.quiet_font())
        self.title.setText(card.title)
        self.about.setText(said.about(card))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.GRID, theme.GRID, theme.GRID, theme.GRID)
        layout.setSpacing(12)
        layout.addWidget(self.thumbnail)
        layout.addLayout(column(self.title, self.about, spacing=2), 1)
        self.show_picture(None)

    def sizeHint(self) -> QSize:
        return QSize(200, THUMB + 2 * theme.GRID)

    def show_picture(self, picture: QPixmap | None) -> None:
        """What it made; a sign while there is nothing."""
        sign = "warning" if self.card.problem else "models"
        if picture is None:
            show_sign(self.thumbnail, sign, 24, "strong_edge")
        else:
            show_instead(self.thumbnail, picture)


def describe(card: ModelCard) -> str:
    """The row in words, for those who can't see it."""
    return f"{card.title}, {said.about(card)}"

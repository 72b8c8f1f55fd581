"""What a screen says while it has nothing to show."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from desktop.view import theme

_WIDTH = 380


class Nothing(QWidget):
    """Why there is nothing, and a button that does something about it."""

    def __init__(self, title: str, words: str, button: str) -> None:
        super().__init__()
        self.title, self.words, self.button = QLabel(), QLabel(), QPushButton()
        self.title.setFont(theme.title_font())
        self.words.setObjectName("quiet")
        self.words.setWordWrap(True)
        self.words.setFixedWidth(_WIDTH)
        self.words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.button.setObjectName("primary")
        layout = QVBoxLayout(self)
        layout.setSpacing(theme.MARGIN)
        layout.addStretch(1)
        for widget in (self.title, self.words, self.button):
            layout.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(2)
        self.say(title, words, button)

    def say(self, title: str, words: str, button: str) -> None:
        """Another reason, and another way out."""
        self.title.setText(title)
        self.words.setText(words)
        self.words.setFixedHeight(max(0, self.words.heightForWidth(_WIDTH)))  # -1 without words
        self.button.setText(button)

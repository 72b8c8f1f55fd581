"""Prose as labels show it: right-to-left scripts stand at the right, and long words never widen a panel."""

from __future__ import annotations

import unicodedata

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

_BREAK_AFTER = 24


class ProseLabel(QLabel):
    """Plain text that people wrote: it wraps, can be selected, and keeps its own direction."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.words = ""
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setMinimumWidth(1)
        self.setText(text)

    def setText(self, text: str) -> None:
        self.words = text
        super().setText(breakable(text))
        side = Qt.AlignmentFlag.AlignRight if is_right_to_left(text) else Qt.AlignmentFlag.AlignLeft
        self.setAlignment(side | Qt.AlignmentFlag.AlignAbsolute | Qt.AlignmentFlag.AlignTop)


def is_right_to_left(text: str) -> bool:
    """Whether the first letter that has a direction runs from right to left (Unicode's rule P2)."""
    for character in text:
        direction = unicodedata.bidirectional(character)
        if direction in ("L", "R", "AL"):
            return direction != "L"
    return False


def breakable(text: str) -> str:
    """The text with chances to break in words that are longer than a line."""
    return " ".join(_breakable(word) for word in text.split(" "))


def _breakable(word: str) -> str:
    if len(word) <= _BREAK_AFTER or "\n" in word:
        return word
    pieces = (word[start : start + _BREAK_AFTER] for start in range(0, len(word), _BREAK_AFTER))
    return "\u200b".join(pieces)

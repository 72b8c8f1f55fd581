"""Sections that hold prose: as high as the words are at their width."""

from __future__ import annotations

from PySide6.QtWidgets import QLayout, QVBoxLayout

from desktop.view.settings_parts import Section


def add_words(section: Section, words: QLayout) -> None:
    """Puts prose under a section's heading; a form layout would make room for the narrowest width."""
    layout = section.layout()
    if isinstance(layout, QVBoxLayout):
        layout.addLayout(words)

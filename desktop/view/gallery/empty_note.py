"""What the Gallery says when there is nothing to see."""

from __future__ import annotations

from PySide6.QtCore import Signal

from desktop.model.gallery import Curator, Gallery, Place
from desktop.model.language import tr
from desktop.view.nothing import Nothing


class EmptyNote(Nothing):
    """In place of the grid when there is nothing: why, and a button that does something about it."""

    wanted = Signal(str)

    def __init__(self, curator: Curator) -> None:
        super().__init__("", "", "")
        self._gallery = curator.gallery
        self._action = "make"
        self.button.clicked.connect(lambda: self.wanted.emit(self._action))

    def show_reason(self) -> None:
        """Says why there is nothing to see."""
        title, words, button, self._action = _reason(self._gallery)
        self.say(title, words, button)


def _reason(gallery: Gallery) -> tuple[str, str, str, str]:
    """Title, sentence, button and the button's action."""
    if gallery.overview is not None and gallery.overview.pictures == 0:
        words = tr("Every picture you make is kept here, with how it was made.")
        return tr("No pictures yet"), words, tr("Make the first picture"), "make"
    if gallery.text.strip():
        words = tr("Fewer words find more.")
        return tr("Nothing found"), words, tr("Clear the search"), "clear"
    if gallery.place == Place("starred"):
        words = tr("Choose a picture and press the full stop key.")
        return tr("No favourites yet"), words, tr("All pictures"), "all"
    words = tr("Choose pictures, and put them here with the Collection button.")
    return tr("Nothing in here yet"), words, tr("All pictures"), "all"

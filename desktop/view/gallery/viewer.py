"""A picture of the gallery, large; the arrows go to the next."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from backends.core.contract import MezzotintError
from desktop.darkroom import Darkroom
from desktop.library.thumbnails import SIDE
from desktop.model.gallery import Card, Curator
from desktop.model.sentences import said
from desktop.view import bind
from desktop.view.gallery.cell import whereabouts_in_words
from desktop.view.picture_view import PictureView

LARGEST = 4096
"""More pixels than a screen has are of no use."""

_STEPS = {
    Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageUp: -1,
    Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1, Qt.Key.Key_PageDown: 1,
}  # fmt: skip


class Viewer(QWidget):
    """Shows the card's picture while it is visible.

    `left` says that the person wants back, `moved` by how many pictures they want to go on.
    """

    left = Signal()
    moved = Signal(int)

    def __init__(self, curator: Curator, darkroom: Darkroom) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._darkroom = darkroom
        self._shown: str | None = None
        self.view = PictureView()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.view)
        self._curator = curator
        bind.follow(curator.gallery, "card", self._show)

    def open(self) -> None:
        """Shows the picture under the cursor."""
        self._shown = None
        self._show(self._curator.gallery.card)
        self.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in _STEPS:
            self.moved.emit(_STEPS[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.left.emit()

    def _show(self, card: Card | None) -> None:
        if card is None or card.picture.sha256 == self._shown or not self.isVisible():
            return
        picture = card.picture
        self._shown = picture.sha256
        self.setAccessibleName(picture.prompt[:200])
        thumbnail = self._darkroom.thumbnail(picture, SIDE)
        self.view.show_image(thumbnail.pixmap.toImage() if thumbnail and thumbnail.pixmap else None)

        def came(image: QImage) -> None:
            if self._shown == picture.sha256:
                self.view.show_image(image)

        def failed(error: MezzotintError) -> None:
            if self._shown == picture.sha256 and self.view.image is None:
                away = not picture.path.parent.is_dir()
                self.view.show_image(None, whereabouts_in_words("away") if away else said(error.message))

        self._darkroom.develop(picture.path, LARGEST, came, failed)

"""The bars around the grid: search and order above; below, what is chosen, and what was just deleted."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QKeySequence, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QMenu, QPushButton

from desktop.library.search import Order
from desktop.model.gallery import Curator, Overview
from desktop.model.language import tr
from desktop.view import bind, theme
from desktop.view.controls import CalmComboBox
from desktop.view.icons import IconButton, wear

_TYPING_MS = 150
_WORDS_FIT = 600
"""Pixels that the actions need with their words, in the longest language."""
_COUNT_FITS = 560
"""Pixels that the bar needs for the number of pictures beside a field one can read."""
_UNDO_MS = 10_000
_WORDS: dict[Order, str] = {
    "newest": "Newest first",
    "oldest": "Oldest first",
    "rating": "Best first",
    "name": "By file name",
    "prompt": "By prompt",
}


class SearchBar(QFrame):
    """The words to look for, the order, and how many pictures there are."""

    def __init__(self, curator: Curator) -> None:
        super().__init__()
        self._curator = curator
        self.field = QLineEdit()
        self.order = CalmComboBox()
        self.count = QLabel()
        self._typing = QTimer(self)
        self._prepare()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.MARGIN, theme.GRID, theme.MARGIN, theme.GRID)
        layout.setSpacing(theme.GRID)
        layout.addWidget(self.field, 1)
        layout.addWidget(self.count)
        layout.addWidget(self.order)
        bind.follow(curator.gallery, "overview", self._show_count)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is little room, the field has it."""
        super().resizeEvent(event)
        self.count.setVisible(event.size().width() >= _COUNT_FITS)

    def search_now(self) -> None:
        """Without waiting for more letters."""
        self._typing.stop()
        self._curator.search(self.field.text())

    def _prepare(self) -> None:
        self.field.setPlaceholderText(tr("Search: words, model: seed: star: rating: tag: in: before: after:"))
        self.field.setAccessibleName(tr("Search pictures"))
        self.field.setClearButtonEnabled(True)
        keys = QKeySequence("Ctrl+F").toString(QKeySequence.SequenceFormat.NativeText)
        self.field.setToolTip(
            tr('Words of the prompt, and model:starter seed:7 star: rating:4 tag:sea in:"My best"')
            + f"\nafter:2026-11-01 before:2026-12 ({keys})"
        )
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self._typing.timeout.connect(self.search_now)
        self.field.textEdited.connect(lambda _: self._typing.start())
        self.field.returnPressed.connect(self.search_now)
        self.count.setObjectName("quiet")
        for order, words in _WORDS.items():
            self.order.addItem(tr(words), order)
        self.order.setSizeAdjustPolicy(CalmComboBox.SizeAdjustPolicy.AdjustToContents)
        self.order.setAccessibleName(tr("Order"))
        self.order.activated.connect(lambda index: self._curator.sort(self.order.itemData(index)))
        bind.follow(self._curator.gallery, "text", self._show_text)
        bind.follow(
            self._curator.gallery,
            "order",
            lambda order: self.order.setCurrentIndex(self.order.findData(order)),
        )

    def _show_text(self, text: str) -> None:
        if self.field.text() != text:
            self.field.setText(text)

    def _show_count(self, overview: Overview | None) -> None:
        found = len(overview.numbers) if overview else 0
        self.count.setText(tr("1 picture") if found == 1 else tr("{count} pictures", count=f"{found:,}"))


class ChosenBar(QFrame):
    """What can be done with the chosen pictures, when they are several. `wanted` names the action."""

    wanted = Signal(str)

    def __init__(self, curator: Curator) -> None:
        super().__init__()
        self.setObjectName("below")
        self._curator = curator
        self.words = QLabel()
        self.star = self._button("star", tr("Favourite"), "star", ".")
        self.compare = self._button("compare", tr("Compare"), "compare", "C")
        self.delete = self._button("trash", tr("Delete"), "delete", "Del")
        self.collect = QPushButton(tr("Collection"))
        self.collect.setToolTip(tr("Collection"))
        wear(self.collect, "collection")
        self.menu = QMenu(self.collect)
        self.menu.aboutToShow.connect(self._fill_menu)
        self.collect.setMenu(self.menu)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.MARGIN, theme.GRID, theme.MARGIN, theme.GRID)
        layout.setSpacing(theme.GRID)
        layout.addWidget(self.words)
        layout.addStretch(1)
        self._buttons = (self.star, self.collect, self.compare, self.delete)
        for button in self._buttons:
            button.setAccessibleName(button.text())
            layout.addWidget(button)
        bind.follow(curator.gallery, "selected", self._show)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where the words would be cut, the icons stand alone."""
        super().resizeEvent(event)
        narrow = event.size().width() < _WORDS_FIT
        for button in self._buttons:
            button.setText("" if narrow else button.accessibleName())

    def _button(self, icon: str, words: str, action: str, keys: str) -> QPushButton:
        button = QPushButton(words)
        wear(button, icon)
        button.setToolTip(f"{words} ({keys})")
        button.clicked.connect(partial(self.wanted.emit, action))
        return button

    def _fill_menu(self) -> None:
        fill_collections(self.menu, self._curator)

    def _show(self, selected: tuple[int, ...]) -> None:
        self.setVisible(len(selected) > 1)
        self.words.setText(tr("{count} chosen", count=f"{len(selected):,}"))
        self.compare.setEnabled(2 <= len(selected) <= 4)


def fill_collections(menu: QMenu, curator: Curator) -> None:
    """Every collection as an entry that puts the chosen pictures into it."""
    menu.clear()
    overview = curator.gallery.overview or Overview()
    for label in overview.collections:
        menu.addAction(label.name, partial(curator.label, "collection", label.name))
    if not overview.collections:
        menu.addAction(tr("Make a collection at the left first")).setEnabled(False)
    if curator.gallery.place.kind == "collection":
        menu.addSeparator()
        name = curator.gallery.place.name
        menu.addAction(tr("Take out of {name}", name=name), partial(curator.unlabel, "collection", name))


class UndoBar(QFrame):
    """For a while after deleting. When it goes, the files go to the system's trash."""

    def __init__(self, curator: Curator) -> None:
        super().__init__()
        self.setObjectName("problem")
        self._curator = curator
        self.words = QLabel()
        self.undo = QPushButton(tr("Undo"))
        self.close_button = IconButton("close", tr("Dismiss"), flat=True)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_UNDO_MS)
        self._timer.timeout.connect(curator.empty_bin)
        self.undo.clicked.connect(curator.undo)
        self.close_button.clicked.connect(curator.empty_bin)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.MARGIN, theme.GRID, theme.GRID, theme.GRID)
        layout.setSpacing(theme.GRID)
        layout.addWidget(self.words, 1)
        layout.addWidget(self.undo)
        layout.addWidget(self.close_button)
        bind.follow(curator.gallery, "deleted", self._show)

    def _show(self, deleted: tuple[int, ...]) -> None:
        self.setVisible(bool(deleted))
        self._timer.start() if deleted else self._timer.stop()
        self.words.setText(
            tr("The picture goes to the trash.")
            if len(deleted) == 1
            else tr("{count} pictures go to the trash.", count=f"{len(deleted):,}")
        )

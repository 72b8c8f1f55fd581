"""Every prompt ever used, and the saved styles."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.library.database import Library
from desktop.library.index import LibraryPicture
from desktop.library.prompts import UsedPrompt, find_prompts, forget_prompt, pictures_of, star_prompt
from desktop.model.language import tr
from desktop.model.prompt_use import use_prompt
from desktop.view import theme
from desktop.view.controls import row
from desktop.view.icons import wear
from desktop.view.nothing import Nothing
from desktop.view.prompts_row import PromptRow
from desktop.view.prompts_styles import StylesEditor

if TYPE_CHECKING:
    from desktop.view.app import Workshop

_PAGE = 40
_PATIENCE_MS = 150
_WIDEST = 1000
Found = list[tuple[UsedPrompt, list[LibraryPicture]]]


class PromptsScreen(QWidget):
    """Two pages: the history, read a page at a time, and the styles."""

    def __init__(self, workshop: Workshop) -> None:
        super().__init__()
        self._workshop, self._shelf = workshop, workshop.shelf
        self.search, self.starred = QLineEdit(), QPushButton(tr("Starred"))
        self.history, self.styles = QPushButton(tr("History")), QPushButton(tr("Styles"))
        self.list, self.empty = QListWidget(), Nothing("", "", "")
        self.editor = StylesEditor(workshop.styles)
        self.pages, self.found = QStackedWidget(), QStackedWidget()
        self.rows: dict[int, PromptRow] = {}
        self._asked, self._complete = 0, False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PATIENCE_MS)
        self._lay_out()
        self._connect()
        self.refresh()

    def show_styles(self) -> None:
        """Opens the second page."""
        self.styles.setChecked(True)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def refresh(self) -> None:
        """Reads the first page anew."""
        self.list.clear()
        self.rows, self._complete = {}, False
        self._read()

    def _connect(self) -> None:
        self.search.textChanged.connect(lambda _: self._timer.start())
        self._timer.timeout.connect(self.refresh)
        self.empty.button.clicked.connect(self._leave_empty)
        self.starred.toggled.connect(lambda _: self.refresh())
        self.history.toggled.connect(lambda on: self.pages.setCurrentIndex(0 if on else 1))
        self.list.verticalScrollBar().valueChanged.connect(self._scrolled)
        self.list.itemActivated.connect(lambda item: self._use_line(item))
        self._workshop.darkroom.developed.connect(self._developed)

    def _lay_out(self) -> None:
        title = QLabel(tr("Prompts"))
        title.setFont(theme.title_font())
        group = QButtonGroup(self)
        for button in (self.history, self.styles, self.starred):
            button.setCheckable(True)
        for button in (self.history, self.styles):
            button.setObjectName("tab")
            group.addButton(button)
        self.history.setChecked(True)
        self.search.setPlaceholderText(tr("Search"))
        self.search.setAccessibleName(tr("Search"))
        self.search.setClearButtonEnabled(True)
        wear(self.starred, "star")
        self.list.setAccessibleName(tr("Prompts"))
        self.list.setObjectName("queue")
        self.list.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.list.setSpacing(4)
        self.found.addWidget(self.list)
        self.found.addWidget(self.empty)
        history = QWidget()
        below = QVBoxLayout(history)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(12)
        below.addLayout(row(self.search, self.starred))
        below.addWidget(self.found, 1)
        self.pages.addWidget(history)
        self.pages.addWidget(self.editor)
        head = row(title)
        head.addSpacing(theme.MARGIN)
        head.addWidget(self.history)
        head.addWidget(self.styles)
        head.addStretch(1)
        column = QVBoxLayout()
        column.setSpacing(theme.MARGIN)
        column.addLayout(head)
        column.addWidget(self.pages, 1)
        body = QWidget()
        body.setLayout(column)
        body.setMaximumWidth(_WIDEST)
        outer = row(body)
        outer.setContentsMargins(theme.MARGIN, theme.MARGIN, theme.MARGIN, theme.MARGIN)
        self.setLayout(outer)

    def _read(self) -> None:
        """Asks for the next page; an answer to an older question is dropped."""
        self._asked += 1
        asked, text, starred, offset = (
            self._asked,
            self.search.text(),
            self.starred.isChecked(),
            len(self.rows),
        )

        def read(library: Library) -> Found:
            found = find_prompts(library, text, starred=starred, limit=_PAGE, offset=offset)
            return [(used, pictures_of(library, used)) for used in found]

        self._shelf.ask(read, lambda found: self._add(found) if asked == self._asked else None)

    def _add(self, found: Found) -> None:
        self._complete = len(found) < _PAGE
        for used, pictures in found:
            line = PromptRow(used, pictures, self._workshop.darkroom)
            line.use.clicked.connect(partial(self._use, used, False))
            line.use_all.clicked.connect(partial(self._use, used, True))
            line.star.clicked.connect(partial(self._star, used))
            line.forget.clicked.connect(partial(self._forget, used))
            item = QListWidgetItem()
            item.setData(Qt.ItemDataRole.UserRole, used)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, used.prompt[:200])
            item.setSizeHint(line.sizeHint())
            self.list.addItem(item)
            self.list.setItemWidget(item, line)
            self.rows[used.id] = line
        self.found.setCurrentWidget(self.list if self.rows else self.empty)
        self.empty.say(*self._why_empty())

    def _why_empty(self) -> tuple[str, str, str]:
        """Title, sentence and button."""
        if self.search.text().strip():
            return tr("Nothing like it was found"), tr("Fewer words find more."), tr("Clear the search")
        if self.starred.isChecked():
            words = tr("The star beside a prompt keeps it here.")
            return tr("No starred prompts yet"), words, tr("All prompts")
        words = tr("Every prompt you use is kept here, with what it made.")
        return tr("No prompts yet"), words, tr("Make a picture")

    def _leave_empty(self) -> None:
        """What the button says."""
        if self.search.text().strip() or self.starred.isChecked():
            self.search.clear()
            self.starred.setChecked(False)
        else:
            self._workshop.window.show_screen("make")

    def _scrolled(self, at: int) -> None:
        bar = self.list.verticalScrollBar()
        if not self._complete and at > bar.maximum() - bar.pageStep():
            self._complete = True  # until the answer says otherwise
            self._read()

    def _use_line(self, item: QListWidgetItem) -> None:
        self._use(item.data(Qt.ItemDataRole.UserRole), False)

    def _use(self, used: UsedPrompt, whole: bool) -> None:
        use_prompt(self._workshop.make.form, used, self._workshop.make.models, whole=whole)
        self._workshop.window.show_screen("make")
        self._workshop.window.form.prompt.setFocus()

    def _star(self, used: UsedPrompt) -> None:
        on = self.rows[used.id].star.isChecked()
        self._shelf.change(lambda library: star_prompt(library, used.id, on), what="prompts")

    def _forget(self, used: UsedPrompt) -> None:
        self._shelf.change(
            lambda library: forget_prompt(library, used.id), lambda _: self.refresh(), what="prompts"
        )

    def _developed(self) -> None:
        for line in self.rows.values():
            line.show_pictures()

"""Under the form: the LoRAs that the prompt names, and all that it could name, to search and to add."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QShowEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.model.additions import KINDS, AdditionCard, AdditionsDesk, Found, Kind, Used
from desktop.model.language import tr
from desktop.view import bind, theme
from desktop.view.additions.card_row import CardRow, describe
from desktop.view.additions.used_row import UsedRow
from desktop.view.controls import Fold, row
from desktop.view.icons import IconButton
from desktop.view.settings_parts import wrapped

_LIST = 190
_CARD = Qt.ItemDataRole.UserRole


class AdditionsFold(Fold):
    """Folded away; its heading says how many LoRAs the prompt names."""

    def __init__(self, desk: AdditionsDesk) -> None:
        self.panel = AdditionsPanel(desk)
        super().__init__(_heading(0), self.panel)
        bind.follow(desk.additions, "used", lambda used: self.button.setText(_heading(len(used))))


class AdditionsPanel(QWidget):
    """Binds to what there is and to what the prompt names, and forwards to the desk."""

    def __init__(self, desk: AdditionsDesk) -> None:
        super().__init__()
        self._desk, self._additions = desk, desk.additions
        self._kind: Kind = "lora"
        self.used, self.rows = QVBoxLayout(), dict[str, UsedRow]()
        self.problems, self.search, self.list = wrapped(), QLineEdit(), QListWidget()
        self.kinds: dict[Kind, QPushButton] = {kind: _tab(*_WORDS[kind]()) for kind in KINDS}
        self.empty, self.found = wrapped(), QStackedWidget()
        self.add, self.leave_out = QPushButton(tr("Add")), QPushButton(tr("Leave out"))
        self.folder = IconButton("folder", tr("Open the folder where they are"))
        self._lay_out()
        self._connect()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._desk.refresh()

    def _choose(self, kind: Kind, _: object = None) -> None:
        self.choose_kind(kind)

    def choose_kind(self, kind: Kind) -> None:
        """Lists files of this kind."""
        self._kind = kind
        self.leave_out.setVisible(kind != "lora")
        self._fill()

    @property
    def chosen(self) -> AdditionCard | None:
        item = self.list.currentItem()
        return item.data(_CARD) if item is not None else None

    # --- parts ---

    def _connect(self) -> None:
        for kind, button in self.kinds.items():
            button.clicked.connect(partial(self._choose, kind))
        self.search.textChanged.connect(lambda _: self._fill())
        self.list.itemActivated.connect(lambda _: self._add())
        self.list.currentItemChanged.connect(lambda *_: self._enable())
        self.add.clicked.connect(lambda: self._add())
        self.leave_out.clicked.connect(lambda: self._add(negative=True))
        self.folder.clicked.connect(self._open_folder)
        bind.follow(self._additions, "used", self._show_used)
        bind.follow(self._additions, "named", self._mark)
        bind.follow(self._additions, "problems", self._show_problems)
        bind.follow(self._additions, "found", self._show_found)
        self.choose_kind("lora")

    def _show_used(self, used: tuple[Used, ...]) -> None:
        named = [each.tag.name for each in used]
        for name in [name for name in self.rows if name not in named]:
            gone = self.rows.pop(name)
            self.used.removeWidget(gone)
            gone.hide()
            gone.deleteLater()
        for each in used:
            if each.tag.name not in self.rows:
                self.rows[each.tag.name] = UsedRow(self._desk, each.tag.name)
                self.used.addWidget(self.rows[each.tag.name])
            self.rows[each.tag.name].show_used(each)

    def _show_problems(self, problems: tuple[str, ...]) -> None:
        self.problems.setText("\n".join(problems))
        self.problems.setVisible(bool(problems))

    def _show_found(self, found: Found) -> None:
        for kind, button in self.kinds.items():
            count = sum(card.kind == kind for card in found.cards)
            button.setText(f"{_WORDS[kind]()[0]} {count}" if count else _WORDS[kind]()[0])
        self._fill()

    def _fill(self) -> None:
        """Those of the kind that have all the words searched for."""
        chosen = self.chosen
        wanted = self.search.text().casefold().split()
        self.list.clear()
        for card in self._additions.found.cards:
            text = describe(card).casefold()
            if card.kind == self._kind and all(word in text for word in wanted):
                self._add_line(card)
                if chosen is not None and chosen.path == card.path:
                    self.list.setCurrentRow(self.list.count() - 1)
        self.found.setCurrentWidget(self.list if self.list.count() else self.empty)
        self.empty.setText(self._teach())
        self._mark(self._additions.named)
        self._enable()

    def _add_line(self, card: AdditionCard) -> None:
        line, item = CardRow(card), QListWidgetItem()
        item.setData(_CARD, card)
        item.setData(Qt.ItemDataRole.AccessibleTextRole, describe(card))
        item.setSizeHint(line.sizeHint())
        item.setToolTip(f"{describe(card)}\n{card.path}")
        self.list.addItem(item)
        self.list.setItemWidget(item, line)

    def _mark(self, named: frozenset[tuple[Kind, str]]) -> None:
        """Which of those listed the prompt names by now."""
        for at in range(self.list.count()):
            line = self.list.itemWidget(self.list.item(at))
            if isinstance(line, CardRow):
                line.mark((line.card.kind, line.card.name) in named)

    def _teach(self) -> str:
        if self.search.text():
            return tr("Nothing like it was found")
        if not self._additions.read:
            return tr("Looking what is there")
        folder = self._additions.found.folders.get(self._kind, "")
        return _WORDS[self._kind]()[2].replace("{folder}", str(folder))

    def _enable(self) -> None:
        able = self.chosen is not None and not self.chosen.problem
        for button in (self.add, self.leave_out):
            button.setEnabled(able)

    def _add(self, *, negative: bool = False) -> None:
        card = self.chosen
        if card is not None and not card.problem:
            self._desk.add(card, negative=negative)

    def _open_folder(self) -> None:
        if folder := self._additions.found.folders.get(self._kind):
            folder.mkdir(parents=True, exist_ok=True)
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

    def _lay_out(self) -> None:
        self.problems.setObjectName("warningText")
        self.search.setPlaceholderText(tr("Search"))
        self.search.setAccessibleName(tr("Search"))
        self.search.setClearButtonEnabled(True)
        for button in self.search.findChildren(QAbstractButton):
            button.setAccessibleName(tr("Clear the search"))
        self.list.setObjectName("queue")
        self.list.setSpacing(2)
        self.list.setAccessibleName(tr("LoRAs, words and lists"))
        self.list.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.found.setFixedHeight(_LIST)
        self.found.addWidget(self.list)
        self.found.addWidget(self.empty)
        group = QButtonGroup(self)
        for button in self.kinds.values():
            group.addButton(button)
        self.kinds[self._kind].setChecked(True)
        self.used.setSpacing(0)
        buttons = row(self.add, self.leave_out)
        buttons.addStretch(1)
        buttons.addWidget(self.folder)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.GRID)
        layout.addLayout(self.used)
        layout.addWidget(self.problems)
        layout.addWidget(self.search)
        layout.addLayout(row(*self.kinds.values(), spacing=4))
        layout.addWidget(self.found)
        layout.addLayout(buttons)


def _heading(count: int) -> str:
    words = tr("LoRAs, words and lists")
    return f"{words} ({count})" if count else words


_WORDS: Mapping[Kind, Callable[[], tuple[str, str, str]]] = {
    "lora": lambda: (
        tr("LoRAs"),
        tr("Small files that teach a model a style or a thing (LoRA, LyCORIS)"),
        tr("Put .safetensors files of LoRAs into {folder}", folder="{folder}"),
    ),
    "embedding": lambda: (
        tr("Words"),
        tr("Words whose meaning is in a file (embeddings, textual inversion)"),
        tr("Put files of embeddings into {folder}", folder="{folder}"),
    ),
    "wildcard": lambda: (
        tr("Lists"),
        tr("Lists of which each picture's seed takes a line (wildcards)"),
        tr("Put text files, with a choice on each line, into {folder}", folder="{folder}"),
    ),
}
"""Of each kind its name, what it is, and how more of it come here."""


def _tab(words: str, tip: str, _: str) -> QPushButton:
    button = QPushButton(words)
    button.setObjectName("tab")
    button.setCheckable(True)
    button.setToolTip(tip)
    return button

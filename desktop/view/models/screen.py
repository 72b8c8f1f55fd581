"""The models: those that are installed, what each is and can, and what is being made of them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QSize, Qt, QTimer
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QShowEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.model.language import tr
from desktop.model.models_card import ModelCard
from desktop.model.models_chore import Chore
from desktop.view import bind, theme
from desktop.view.controls import quiet, row, scrolling
from desktop.view.icons import wear
from desktop.view.models.ask_row import AskRow
from desktop.view.models.chore_list import ChoreList
from desktop.view.models.chore_row import ChoreRow
from desktop.view.models.details import PICTURE, ModelDetails
from desktop.view.models.hub_page import HubPage
from desktop.view.models.pictures import ModelPictures
from desktop.view.models.row import THUMB, ModelRow, describe
from desktop.view.settings_parts import wrapped

if TYPE_CHECKING:
    from desktop.view.app import Workshop

SUFFIXES = (".safetensors", ".ckpt", ".pt", ".pth", ".gguf")
_LIST = 272
_WIDEST = 1200
_NAME = Qt.ItemDataRole.UserRole


class ModelsScreen(QWidget):
    """Binds to the desk's models and forwards to the desk."""

    def __init__(self, workshop: Workshop) -> None:
        super().__init__()
        self._workshop, self.desk = workshop, workshop.models_room.desk
        self._models = self.desk.models
        self.summary, self.notice = quiet(), wrapped()
        self.add = QPushButton(tr("Add a model"))
        self.add_menu = QMenu(self.add)
        self.list, self.details = QListWidget(), ModelDetails(workshop, self.desk)
        self.chores = ChoreList()
        self.chore_rows: dict[str, ChoreRow | AskRow] = {}
        self.rows: dict[str, ModelRow] = {}
        self.pictures = ModelPictures(workshop.shelf, workshop.darkroom, self._show_pictures)
        self.veil = _veil(self)
        self.hub = HubPage(workshop, workshop.models_room.hub)
        self._pages = QStackedWidget()
        self._timer = QTimer(self)
        self._timer.setInterval(1000)
        self._lay_out()
        self._connect()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.pictures.forget()
        self.desk.refresh()

    def show_hub(self) -> None:
        """Those that could be fetched, in place of those that are here."""
        self._pages.setCurrentWidget(self.hub)
        self.hub.back.setFocus()

    def leave(self) -> None:
        """The window closes."""
        self.details.keep_note()

    # --- drops ---

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if model_paths(event.mimeData()):
            event.acceptProposedAction()
            self.veil.setGeometry(self.rect())
            self.veil.raise_()
            self.veil.show()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.veil.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        self.veil.hide()
        event.acceptProposedAction()
        self.desk.bring(model_paths(event.mimeData()))

    # --- parts ---

    def _connect(self) -> None:
        self.setAcceptDrops(True)
        self.add_menu.addAction(tr("From the hub"), self.show_hub)
        self.add_menu.addAction(tr("A file"), self._choose_file)
        self.add_menu.addAction(tr("A folder"), self._choose_folder)
        self.add.setMenu(self.add_menu)
        self.hub.back.clicked.connect(lambda: self._pages.setCurrentIndex(0))
        self.list.currentItemChanged.connect(lambda item, _: self._choose(item))
        self.list.itemActivated.connect(lambda _: self.details.use.click())
        self._timer.timeout.connect(self._show_times)
        bind.follow(self._models, "cards", self._show_cards)
        bind.follow(self._models, "chosen", lambda _: self._mark())
        bind.follow(self._models, "chores", self._show_chores)
        bind.follow(self._models, "notice", self._show_notice)

    def _choose(self, item: QListWidgetItem | None) -> None:
        if item is not None and item.data(_NAME) != self._models.chosen:
            self.desk.choose(item.data(_NAME))

    def _show_cards(self, cards: tuple[ModelCard, ...]) -> None:
        if [each.card for each in self.rows.values()] == list(cards):
            return
        self.list.blockSignals(True)
        self.list.clear()
        self.rows = {card.name: ModelRow(card) for card in cards}
        for card in cards:
            item = QListWidgetItem()
            item.setData(_NAME, card.name)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, describe(card))
            item.setSizeHint(self.rows[card.name].sizeHint())
            self.list.addItem(item)
            self.list.setItemWidget(item, self.rows[card.name])
        self.list.blockSignals(False)
        broken = sum(bool(card.problem) for card in cards)
        parts = [tr("1 model") if len(cards) == 1 else tr("{count} models", count=len(cards))]
        parts += [tr("{count} can't be used", count=broken)] if broken else []
        self.summary.setText(", ".join(parts) if self._models.read else "")
        self._mark()
        self._show_pictures()

    def _mark(self) -> None:
        for line in range(self.list.count()):
            if self.list.item(line).data(_NAME) == self._models.chosen:
                self.list.setCurrentRow(line)
        self._show_pictures()

    def _show_pictures(self) -> None:
        for name, line in self.rows.items():
            line.show_picture(self.pictures.picture(name, THUMB))
        if self._models.chosen:
            self.details.show_picture(self.pictures.picture(self._models.chosen, PICTURE))

    def _show_chores(self, chores: tuple[Chore, ...]) -> None:
        kinds = {chore.id: _row_of(chore) for chore in chores}
        gone = [each for each, line in self.chore_rows.items() if not isinstance(line, kinds.get(each, ()))]
        for chore_id in gone:
            self.chores.take_out(self.chore_rows.pop(chore_id))
        for chore in chores:
            if chore.id in self.chore_rows:
                self.chore_rows[chore.id].show_chore(chore)
            else:
                self.chore_rows[chore.id] = self._new_row(chore)
                self.chores.add(self.chore_rows[chore.id])
        running = any(chore.began is not None for chore in chores)
        self._timer.start() if running else self._timer.stop()

    def _new_row(self, chore: Chore) -> ChoreRow | AskRow:
        if _row_of(chore) is AskRow:
            return AskRow(chore, self.desk, self.show_hub)
        return ChoreRow(chore, self._actions(chore))

    def _actions(self, chore: Chore) -> dict[str, partial[None]]:
        desk = self.desk
        named = {"stop": desk.stop, "go_on": desk.go_on, "throw_away": desk.throw_away}
        return {name: partial(act, chore.id) for name, act in named.items()}

    def _show_times(self) -> None:
        for line in self.chore_rows.values():
            line.show_time()

    def _show_notice(self, words: str) -> None:
        self.notice.setText(words)
        self.notice.setVisible(bool(words))

    def _choose_file(self) -> None:
        patterns = " ".join(f"*{suffix}" for suffix in SUFFIXES)
        title, kinds = tr("Add a model"), tr("Models ({patterns})", patterns=patterns)
        chosen, _ = QFileDialog.getOpenFileNames(self, title, "", kinds)
        self.desk.bring([Path(each) for each in chosen])

    def _choose_folder(self) -> None:
        if chosen := QFileDialog.getExistingDirectory(self, tr("Add a model")):
            self.desk.bring([Path(chosen)])

    def _lay_out(self) -> None:
        title = QLabel(tr("Models"))
        title.setFont(theme.title_font())
        wear(self.add, "plus")
        head = row(title, self.summary)
        head.addStretch(1)
        head.addWidget(self.add)
        body = QWidget()
        body.setMaximumWidth(_WIDEST)
        layout = QVBoxLayout(body)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addLayout(head)
        layout.addWidget(self.notice)
        layout.addWidget(self.chores)
        middle = row(self._left(), self._right(), spacing=theme.MARGIN)
        middle.setStretch(1, 1)
        middle.setContentsMargins(0, 0, 0, 0)
        here = QWidget()
        here.setLayout(middle)
        self._pages.addWidget(here)
        self._pages.addWidget(self.hub)
        layout.addWidget(self._pages, 1)
        outer = row(body)
        outer.setContentsMargins(theme.MARGIN, theme.MARGIN, theme.MARGIN, theme.MARGIN)
        self.setLayout(outer)
        self.setFocusProxy(self.list)

    def _left(self) -> QWidget:
        self.list.setObjectName("queue")
        self.list.setAccessibleName(tr("Models"))
        self.list.setSpacing(4)
        self.list.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        side = QWidget()
        side.setFixedWidth(_LIST)
        layout = QVBoxLayout(side)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.GRID)
        layout.addWidget(self.list, 1)
        hint = wrapped(
            tr(
                "Drop a .safetensors, .ckpt or .gguf file here, or a model's folder: it is added to these. "
                "Drop the files of one model together."
            )
        )
        hint.setToolTip(tr("Z-Image and FLUX.2 klein come in three: transformer, text encoder and VAE"))
        layout.addWidget(hint)
        return side

    def _right(self) -> QScrollArea:
        area = scrolling(self.details)
        area.setMinimumSize(QSize(320, 200))
        return area


def _row_of(chore: Chore) -> type[ChoreRow | AskRow]:
    return AskRow if chore.state == "asking" else ChoreRow


def model_paths(mime: QMimeData) -> list[Path]:
    """The files and folders among what is dragged that may be models."""
    paths = [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]
    return [path for path in paths if path.is_dir() or path.suffix.lower() in SUFFIXES]


def _veil(parent: QWidget) -> QLabel:
    label = QLabel(tr("Drop to add the model"), parent)
    label.setObjectName("dropVeil")
    label.setFont(theme.title_font())
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    label.hide()
    return label

"""Everything about one model: what it is, what it needs here, how close it is, notes, and its buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QTimer, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication, QPixmap
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop.model import models_ask
from desktop.model.language import tr
from desktop.model.models_card import ModelCard
from desktop.model.models_desk import ModelsDesk
from desktop.model.models_fit import in_bytes
from desktop.view import bind, theme
from desktop.view.controls import column, quiet, row
from desktop.view.icons import show_instead, show_sign, wear
from desktop.view.models import said
from desktop.view.models.parity import ParitySection
from desktop.view.models.prepare import PrepareSection
from desktop.view.models.verdicts import VerdictSection
from desktop.view.models.words import add_words
from desktop.view.settings_parts import Section
from desktop.view.text import ProseLabel

if TYPE_CHECKING:
    from desktop.view.app import Workshop

PICTURE = 96
_NOTE_LINES = 64
_PATIENCE_MS = 600
_CHIP = 24


class ModelDetails(QWidget):
    """Binds to the chosen model."""

    def __init__(self, workshop: Workshop, desk: ModelsDesk) -> None:
        super().__init__()
        self._workshop, self._desk, self._models = workshop, desk, desk.models
        self.picture, self.title, self.about = QLabel(), QLabel(), quiet()
        self.use, self.show_folder = QPushButton(tr("Use it")), QPushButton(tr("Show in folder"))
        self.problem, self.again = ProseLabel(), QPushButton(tr("Prepare again"))
        self.facts = FactsSection()
        self.verdicts, self.parity = VerdictSection(workshop.backends, desk.models), ParitySection()
        self.prepare = PrepareSection(desk.folder, desk.prepare)
        self.notes, self.delete = QPlainTextEdit(), DeleteLine(desk)
        self._shown, self._kept = "", ""
        self._column = QVBoxLayout(self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PATIENCE_MS)
        self._timer.timeout.connect(self.keep_note)
        self._lay_out()
        self._connect()

    def minimumSizeHint(self) -> QSize:
        """As high as the words are at this width: Qt's own answer does not know the width."""
        layout = self._column
        return QSize(layout.totalMinimumSize().width(), layout.totalHeightForWidth(self.width()))

    def show_picture(self, found: QPixmap | None) -> None:
        """What the model made; a sign while there is nothing."""
        if found is None:
            show_sign(self.picture, "models", 40, "strong_edge")
        else:
            show_instead(self.picture, found)

    def keep_note(self) -> None:
        """Keeps the note now, rather than when the person has stopped typing."""
        self._timer.stop()
        text = self.notes.toPlainText()
        if self._shown and text != self._kept:
            self._kept = text
            self._desk.note(self._shown, text)

    def _connect(self) -> None:
        self.use.clicked.connect(self._use)
        self.show_folder.clicked.connect(self._open_folder)
        self.again.clicked.connect(self._prepare_again)
        self.notes.textChanged.connect(self._timer.start)
        bind.follow(self._models, "chosen", lambda _: self._show())
        bind.follow(self._models, "cards", lambda _: self._show())

    def _show(self) -> None:
        card = self._models.card
        self.setVisible(card is not None)
        if card is None:
            return
        self.title.setText(card.title)
        self.about.setText(said.about(card))
        self.problem.setText(card.problem)
        self.problem.setVisible(bool(card.problem))
        source = models_ask.source_of(card, self._models.cards)
        self.again.setVisible(bool(card.made_for and card.problem) and source is not None)
        self.use.setVisible(not card.problem)
        self.facts.show_card(card)
        self.parity.show_card(card)
        self.verdicts.show_card(card)
        self.prepare.setVisible(card.can_prepare)
        if card.can_prepare:
            self.prepare.show_card(card)
        self.delete.show_card(card)
        if self._shown != card.name:
            self.keep_note()
            self._shown = card.name
            self._kept = self._models.notes.get(card.name, "")
            self.notes.setPlainText(self._kept)
            self._timer.stop()

    def _use(self) -> None:
        make, card = self._workshop.make, self._models.card
        if card is not None and card.name in make.models:
            make.form.use_model(make.models[card.name])
            self._workshop.window.show_screen("make")

    def _open_folder(self) -> None:
        if card := self._models.card:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(card.folder)))

    def _prepare_again(self) -> None:
        card = self._models.card
        source = models_ask.source_of(card, self._models.cards) if card else None
        if card is not None and source is not None:
            self._desk.prepare(models_ask.again(card, source.folder))

    def _lay_out(self) -> None:
        self.title.setFont(theme.title_font())
        self.title.setWordWrap(True)
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.picture.setObjectName("section")
        self.picture.setFixedSize(QSize(PICTURE, PICTURE))
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.problem.setObjectName("warningText")
        self.use.setObjectName("primary")
        self.use.setMinimumWidth(120)
        wear(self.show_folder, "folder")
        actions = row(self.use, self.show_folder, self.again)
        actions.addStretch(1)
        words = column(self.title, self.about, spacing=4)
        words.addLayout(actions)
        head = row(self.picture, spacing=theme.MARGIN)
        head.addLayout(words, 1)
        layout = self._column
        layout.setContentsMargins(0, 0, theme.GRID, theme.MARGIN)
        layout.setSpacing(12)
        layout.addLayout(head)
        for widget in (
            self.problem,
            self.facts,
            self.verdicts,
            self.prepare,
            self.parity,
            self._note_section(),
        ):
            layout.addWidget(widget)
        layout.addWidget(self.delete)
        layout.addStretch(1)

    def _note_section(self) -> Section:
        section = Section(tr("Notes"))
        self.notes.setFixedHeight(_NOTE_LINES)
        self.notes.setTabChangesFocus(True)
        self.notes.setAccessibleName(tr("Notes"))
        self.notes.setPlaceholderText(tr("What it is good at, words that it likes"))
        section.add_wide(self.notes)
        return section


class FactsSection(Section):
    """What is known of a model."""

    def __init__(self) -> None:
        super().__init__(tr("What it is"))
        self.lines: dict[str, tuple[QLabel, ProseLabel]] = {}
        self.copy, self._hash_box = QPushButton(tr("Copy")), QWidget()
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(theme.MARGIN)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnMinimumWidth(0, 100)
        self._grid.setColumnStretch(1, 1)
        names = {
            "family": tr("Family"), "bytes": tr("On disk"), "prepared": tr("Prepared for"),
            "settings": tr("Looks best with"), "licence": tr("Licence"), "origin": tr("Origin"),
            "hash": tr("Hash"), "folder": tr("Folder"),
        }  # fmt: skip
        for number, (key, words) in enumerate(names.items()):
            name, value = QLabel(words), ProseLabel()
            name.setObjectName("caption")
            name.setAlignment(Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(name, number, 0)
            self._grid.addWidget(self._with_copy(value) if key == "hash" else value, number, 1)
            self.lines[key] = (name, value)
        self.copy.setObjectName("chip")
        self.copy.setAccessibleName(tr("Copy the hash"))
        add_words(self, self._grid)
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._sha256))
        self._sha256 = ""

    def _with_copy(self, value: QWidget) -> QWidget:
        box = self._hash_box
        layout = row(value, self.copy)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addStretch(1)
        value.setMinimumWidth(90)
        box.setFixedHeight(_CHIP)
        box.setLayout(layout)
        return box

    def show_card(self, card: ModelCard) -> None:
        """What is not known is left out; that nobody wrote down a licence is said."""
        self._sha256 = card.sha256
        facts = {
            "family": said.family(card),
            "bytes": in_bytes(card.bytes),
            "prepared": said.prepared(card.conversion) if card.made_for else "",
            "settings": said.settings(card),
            "licence": card.licence or ("" if card.problem else tr("Nobody says")),
            "origin": card.origin,
            "hash": card.sha256[:10] or ("" if card.problem else tr("Being computed")),
            "folder": str(card.folder),
        }
        for key, value in facts.items():
            for label in self.lines[key]:
                label.setVisible(bool(value))
            self.lines[key][1].setText(value)
        self._hash_box.setVisible(bool(facts["hash"]))
        self.lines["hash"][1].setToolTip(card.sha256)
        self.copy.setVisible(bool(card.sha256))


class DeleteLine(QFrame):
    """Delete, and the question whether that is meant."""

    def __init__(self, desk: ModelsDesk) -> None:
        super().__init__()
        self._desk, self._card = desk, None
        self.delete, self.words = QPushButton(tr("Delete")), quiet()
        self.sure, self.keep = QPushButton(tr("Move to the trash")), QPushButton(tr("Keep it"))
        wear(self.delete, "trash")
        self.words.setWordWrap(True)
        layout = row(self.delete, self.words, self.sure, self.keep)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setStretch(1, 1)
        self.setLayout(layout)
        self.delete.clicked.connect(self._ask)
        self.sure.clicked.connect(lambda: self._card and desk.delete(self._card))
        self.keep.clicked.connect(lambda: desk.doubt(""))
        bind.follow(desk.models, "doubted", lambda _: self._show())

    def show_card(self, card: ModelCard) -> None:
        self._card: ModelCard | None = card
        self._show()

    def _ask(self) -> None:
        if self._card is not None:
            self._desk.doubt(self._card.name)
            self.sure.setFocus()

    def _show(self) -> None:
        card = self._card
        if card is None:
            return
        asked = self._desk.models.doubted == card.name
        self.delete.setVisible(card.place == "own" and not asked)
        self.sure.setVisible(asked)
        self.keep.setVisible(asked)
        words = {
            "own": tr("{name} frees {size}.", name=card.title, size=in_bytes(card.bytes)) if asked else "",
            "shipped": tr("It came with Mezzotint and can't be deleted."),
            "elsewhere": tr("It lies in a folder of another program, which can delete it."),
        }
        self.words.setText(words[card.place])

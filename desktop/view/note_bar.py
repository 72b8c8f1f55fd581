"""Above the picture: something worth knowing, its details on demand, and one thing to do about it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout

from desktop.model.language import tr
from desktop.model.make import Make
from desktop.model.studio import Note
from desktop.view import bind, theme
from desktop.view.icons import IconButton, show_sign


class NoteBar(QFrame):
    """Hidden while there is nothing to say."""

    def __init__(self, make: Make) -> None:
        super().__init__()
        self.setObjectName("note")
        self._make = make
        self._sign, self.message, self.details = QLabel(), QLabel(), QLabel()
        self.show_details = QPushButton(tr("Which?"))
        self.act = QPushButton(tr("Put back"))
        self.dismiss = IconButton("close", tr("Dismiss"), flat=True)
        self._lay_out()
        self.show_details.setCheckable(True)
        self.show_details.setMinimumWidth(84)
        self.show_details.toggled.connect(self.details.setVisible)
        self.act.clicked.connect(self._do)
        self.dismiss.clicked.connect(make.dismiss_note)
        bind.follow(make.studio, "note", self._show)

    def _lay_out(self) -> None:
        self._sign.setFixedSize(QSize(20, 20))
        for label in (self.message, self.details):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.details.setObjectName("quiet")
        self.details.setContentsMargins(28, 0, 0, 0)
        line = QHBoxLayout()
        line.setSpacing(theme.GRID)
        line.addWidget(self._sign)
        line.addWidget(self.message, 1)
        for button in (self.show_details, self.act, self.dismiss):
            line.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.MARGIN, theme.GRID, theme.GRID, theme.GRID)
        layout.setSpacing(4)
        layout.addLayout(line)
        layout.addWidget(self.details)

    def _show(self, note: Note | None) -> None:
        self.setVisible(note is not None)
        self.show_details.setChecked(False)
        self.details.setVisible(False)
        if note is None:
            return
        show_sign(self._sign, "info", 20)
        self.message.setText(note.text)
        self.message.setAccessibleName(note.text)
        self.details.setText("\n".join(note.details))
        self.show_details.setVisible(bool(note.details))
        self.act.setVisible(note.act is not None)
        self.act.setText(note.button)

    def _do(self) -> None:
        note = self._make.studio.note
        if note is not None and note.act is not None:
            note.act()

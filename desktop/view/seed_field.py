"""The seed, a die for a new one, and a lock to keep it."""

from __future__ import annotations

from PySide6.QtCore import QRegularExpression
from PySide6.QtGui import QRegularExpressionValidator
from PySide6.QtWidgets import QLineEdit, QWidget

from backends.core.contract import MAX_SEED
from desktop.model.form import Form
from desktop.model.language import tr
from desktop.view import bind
from desktop.view.controls import row
from desktop.view.icons import IconButton, wear


class SeedField(QWidget):
    """Typing a seed locks it; while unlocked every picture gets a new one."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self._form = form
        self.edit = QLineEdit()
        self.edit.setAccessibleName(tr("Seed"))
        self.edit.setMaxLength(19)
        self.edit.setValidator(QRegularExpressionValidator(QRegularExpression(r"\d{1,19}")))
        self.dice = IconButton("dice", tr("New seed"))
        self.lock = IconButton("unlock", tr("Keep this seed"))
        self.lock.setCheckable(True)
        layout = row(self.edit, self.dice, self.lock, spacing=4)
        layout.setContentsMargins(0, 0, 0, 0)
        self.setLayout(layout)
        self.edit.textEdited.connect(self._typed)
        self.edit.editingFinished.connect(self._show_seed)
        self.dice.clicked.connect(form.roll_seed)
        bind.toggle(self.lock, form, "seed_locked")
        bind.follow(form, "seed", self._show_seed)
        bind.follow(form, "seed_locked", self._show_lock)

    def _typed(self, text: str) -> None:
        if text:
            self._form.choose_seed(min(int(text), MAX_SEED - self._form.count))

    def _show_seed(self, _: object = None) -> None:
        if not (self.edit.hasFocus() and self.edit.text() in ("", str(self._form.seed))):
            self.edit.setText(str(self._form.seed))
            self.edit.setCursorPosition(0)

    def _show_lock(self, locked: bool) -> None:
        wear(self.lock, "lock" if locked else "unlock")
        tip = (
            tr("Every picture gets this seed")
            if locked
            else tr("Every picture gets a new seed; lock to keep this one")
        )
        self.lock.setToolTip(tip)
        self.edit.setToolTip(tip)

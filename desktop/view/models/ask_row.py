"""What an import asks, among what goes on: where the file's other parts come from, its name, what it
predicts; or whether a file that is no model is kept where its kind is."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QFormLayout, QFrame, QLineEdit, QPushButton, QVBoxLayout, QWidget

from desktop.model import models_question_said as told
from desktop.model.language import tr
from desktop.model.models_chore import Chore
from desktop.model.models_desk import ModelsDesk
from desktop.model.models_question import PREDICTIONS, Answer, Question
from desktop.model.sentences import said
from desktop.view import theme
from desktop.view.controls import CalmComboBox, NameComboBox, caption, row
from desktop.view.settings_parts import wrapped
from desktop.view.text import ProseLabel

_FIELD = 320


class AskRow(QFrame):
    """Shows a chore that asks. `show_hub` opens the models of the hub."""

    def __init__(self, chore: Chore, desk: ModelsDesk, show_hub: Callable[[], object]) -> None:
        super().__init__()
        self.setObjectName("section")
        self._desk, self._show_hub = desk, show_hub
        self.what, self.more = ProseLabel(), wrapped()
        self.base, self.name, self.prediction = NameComboBox(), QLineEdit(), CalmComboBox()
        self.go, self.keep, self.hub = (
            QPushButton(tr("Import")),
            QPushButton(),
            QPushButton(tr("From the hub")),
        )
        self.again, self.cancel = QPushButton(tr("Look again")), QPushButton(tr("Cancel"))
        self._lay_out()
        self.go.clicked.connect(self._answer)
        self.name.returnPressed.connect(self.go.click)
        self.name.textChanged.connect(self._allow)
        self.keep.clicked.connect(lambda: desk.keep_aside(self.chore.id))
        self.hub.clicked.connect(lambda: self._show_hub())
        self.again.clicked.connect(lambda: desk.go_on(self.chore.id))
        self.cancel.clicked.connect(lambda: desk.throw_away(self.chore.id))
        self.show_chore(chore)

    def show_chore(self, chore: Chore) -> None:
        """Asks what this one asks."""
        self.chore = chore
        if (question := chore.question) is not None:
            self._show(question)

    def show_time(self) -> None:
        """It waits for a person, however long."""

    def _show(self, question: Question) -> None:
        self.what.setText(told.what(question))
        self._offer(question)
        self.name.setText(question.name)
        self.prediction.setCurrentIndex(self.prediction.findData(question.prediction))
        self.keep.setText(told.keeping(question.addition))
        unmet = bool(question.parts and question.lacks and not question.fitting)
        self._show_fields(question)
        self.go.setVisible(question.can_be_model)
        self.keep.setVisible(bool(question.addition))
        self.hub.setVisible(unmet and bool(question.get))
        self.again.setVisible(unmet)
        self.more.setText(_more(question))
        self.more.setVisible(bool(self.more.text()))

    def _show_fields(self, question: Question) -> None:
        model = question.can_be_model
        self.fields.setVisible(model)
        self._form.setRowVisible(self.base, model and bool(question.lacks))
        self._form.setRowVisible(self.prediction, model and bool(question.prediction))
        self._form.setRowVisible(self.why, model and bool(question.prediction))
        self.why.setText(told.guessed(question) if question.prediction else "")

    def _offer(self, question: Question) -> None:
        """Those that don't fit are grey, with the reason."""
        self.base.clear()
        for base in question.bases:
            words = base.title if base.title == base.name else f"{base.title} ({base.name})"
            self.base.addItem(words, base.folder)
            line, items = self.base.count() - 1, self.base.model()
            self.base.setItemData(line, said(base.misfit) or base.folder, Qt.ItemDataRole.ToolTipRole)
            if base.misfit and isinstance(items, QStandardItemModel):
                items.item(line).setEnabled(False)

    def _allow(self, name: str) -> None:
        self.go.setEnabled(bool(name.strip()))

    def _answer(self) -> None:
        question = self.chore.question
        if question is None or not self.name.text().strip():
            return
        answer = Answer(
            name=self.name.text().strip(),
            base=self.base.currentData() if question.lacks else "",
            prediction=self.prediction.currentData() if question.prediction else "",
        )
        self._desk.answer(self.chore.id, answer)

    def _lay_out(self) -> None:
        words = {"epsilon": tr("Noise"), "v_prediction": tr("Velocity")}
        for prediction in PREDICTIONS:
            self.prediction.addItem(words[prediction], prediction)
        self.prediction.setToolTip(tr("What the UNet was trained to predict: epsilon or v (prediction type)"))
        self.fields, self.why = QWidget(), wrapped()
        self.fields.setMaximumWidth(2 * _FIELD)
        self._form = QFormLayout(self.fields)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setHorizontalSpacing(theme.MARGIN)
        self._form.setVerticalSpacing(theme.GRID)
        for label, field in (
            (tr("Its other parts come from"), self.base),
            (tr("Name"), self.name),
            (tr("It predicts"), self.prediction),
        ):
            self._form.addRow(caption(label, field), field)
        self._form.addRow("", self.why)
        buttons = row(self.keep, self.go, self.hub, self.again, self.cancel)
        buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, theme.GRID, 12, theme.GRID)
        layout.setSpacing(theme.GRID)
        for widget in (self.what, self.more, self.fields):
            layout.addWidget(widget)
        layout.addLayout(buttons)


def _more(question: Question) -> str:
    """What can be done, where that has to be said."""
    parts: list[str] = []
    if question.addition:
        parts.append(told.where_used(question.addition))
    if question.parts and question.lacks and not question.fitting:
        parts.append(told.unmet(question))
    if question.addition == "vae" and question.fitting:
        parts.append(tr("Or it becomes a model of its own, with all else from another one."))
    if question.taken and question.can_be_model:
        parts.append(tr("There is a model of that name already, so it gets another one."))
    return " ".join(parts)

"""The keys: a list of them all, in which each can be changed."""

from __future__ import annotations

from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QHBoxLayout,
    QKeySequenceEdit,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop.model.keys import ACTIONS, Action, keys_for, rebind
from desktop.model.language import tr
from desktop.view import theme
from desktop.view.icons import IconButton
from desktop.view.key_binder import shown
from desktop.view.settings_parts import Section, beside, wrapped

if TYPE_CHECKING:
    from desktop.view.app import Workshop

_WIDEST = 760
_SENTENCES = 300


class KeysScreen(QScrollArea):
    """One section a place."""

    def __init__(self, workshop: Workshop) -> None:
        super().__init__()
        self._settings = workshop.settings
        self.edits: dict[str, QKeySequenceEdit] = {}
        self.resets: dict[str, IconButton] = {}
        self.problem = wrapped()
        self.reset_all = QPushButton(tr("All as at first"))
        self.reset_all.clicked.connect(self._reset_all)
        title = QLabel(tr("Keys"))
        title.setFont(theme.title_font())
        column = QVBoxLayout()
        column.setContentsMargins(theme.MARGIN, theme.MARGIN, theme.MARGIN, theme.MARGIN)
        column.setSpacing(theme.MARGIN)
        column.addWidget(beside(title, self.reset_all))
        column.addWidget(self.problem)
        self.problem.setVisible(False)
        for place, actions in groupby(ACTIONS.items(), key=lambda item: item[1].place):
            column.addWidget(self._section(place, dict(actions)))
        column.addStretch(1)
        inner, outer = QWidget(), QWidget()
        inner.setLayout(column)
        inner.setMaximumWidth(_WIDEST)
        outer.setObjectName("page")
        line = QHBoxLayout(outer)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(inner)
        self.setWidget(outer)
        self.setWidgetResizable(True)
        self._settings.events.keys.connect(lambda _: self._show())

    def _section(self, place: str, actions: dict[str, Action]) -> Section:
        section = Section(tr(place), _SENTENCES)
        for name, action in actions.items():
            words = tr(action.words)
            if action.fixed:
                keys = " / ".join(shown(each.strip()) for each in action.keys.split(","))
                section.add(words, QLabel(keys))
            else:
                section.add(words, self._changeable(name, words))
        return section

    def _changeable(self, name: str, words: str) -> QWidget:
        edit = QKeySequenceEdit(QKeySequence(keys_for(name, self._settings)))
        edit.setMaximumSequenceLength(1)
        edit.setAccessibleName(words)
        reset = IconButton("repeat", tr("As at first: {words}", words=words), flat=True)
        edit.editingFinished.connect(partial(self._take, name))
        reset.clicked.connect(partial(self._reset, name))
        self.edits[name], self.resets[name] = edit, reset
        self._mark(name)
        return beside(edit, reset)

    def _take(self, name: str) -> None:
        keys = self.edits[name].keySequence().toString(QKeySequence.SequenceFormat.PortableText)
        problem = rebind(name, keys, self._settings)
        self.problem.setVisible(problem is not None)
        self.problem.setText(problem or "")
        self._show()

    def _reset(self, name: str) -> None:
        self.edits[name].clear()
        self._take(name)

    def _reset_all(self) -> None:
        self._settings.keys = {}

    def _show(self) -> None:
        for name, edit in self.edits.items():
            edit.setKeySequence(QKeySequence(keys_for(name, self._settings)))
            self._mark(name)

    def _mark(self, name: str) -> None:
        """What was changed can be put back."""
        self.resets[name].setEnabled(name in self._settings.keys)

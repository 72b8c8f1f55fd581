"""Making and changing styles: a name, and texts that go around the prompt and the negative prompt."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QListWidget, QPushButton, QVBoxLayout, QWidget

from desktop.model.language import tr
from desktop.model.styles import PLACE, Style, Styles
from desktop.view import bind, theme
from desktop.view.controls import PromptEdit, caption, quiet, row

_NAMES = 220


class StylesEditor(QWidget):
    """The names at the left, the chosen one at the right. Saving under another name makes another style."""

    def __init__(self, styles: Styles) -> None:
        super().__init__()
        self._styles = styles
        self.names, self.name = QListWidget(), QLineEdit()
        self.prompt = PromptEdit(4, tr("such as: ink drawing of {place}, black and white", place=PLACE))
        self.negative = PromptEdit(2, tr("What should not be in it"))
        self.new, self.save = QPushButton(tr("New style")), QPushButton(tr("Save"))
        self.remove = QPushButton(tr("Remove"))
        self._lay_out()
        self.names.currentTextChanged.connect(self._choose)
        self.new.clicked.connect(self._start_new)
        self.save.clicked.connect(self._save)
        self.remove.clicked.connect(lambda: styles.remove(self.name.text().strip()))
        self.name.textChanged.connect(self._enable)
        bind.follow(styles, "saved", self._show)
        self.names.setCurrentRow(0)
        self._enable()

    def _lay_out(self) -> None:
        self.names.setAccessibleName(tr("Styles"))
        self.names.setObjectName("places")
        self.names.setFixedWidth(_NAMES)
        self.names.setSpacing(3)
        left = QVBoxLayout()
        left.addWidget(self.names, 1)
        left.addWidget(self.new)
        right = QVBoxLayout()
        right.setSpacing(theme.GRID)
        for words, field in (
            (tr("Name"), self.name),
            (tr("Prompt"), self.prompt),
            (tr("Leave out"), self.negative),
        ):
            right.addWidget(caption(words, field))
            right.addWidget(field)
        right.addWidget(quiet(tr("{place} is where your own words go.", place=PLACE)))
        buttons = row(self.save, self.remove)
        buttons.addStretch(1)
        right.addLayout(buttons)
        right.addStretch(1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.MARGIN)
        layout.addLayout(left)
        layout.addLayout(right, 1)

    def _show(self, saved: tuple[Style, ...]) -> None:
        name = self.name.text()
        self.names.clear()
        self.names.addItems([style.name for style in saved])
        for item in self.names.findItems(name, Qt.MatchFlag.MatchExactly):
            self.names.setCurrentItem(item)
        self._enable()

    def _choose(self, name: str) -> None:
        if style := self._styles.find(name):
            self.name.setText(style.name)
            self.prompt.setPlainText(style.prompt)
            self.negative.setPlainText(style.negative_prompt)

    def _start_new(self) -> None:
        self.names.setCurrentRow(-1)
        self.name.clear()
        self.prompt.setPlainText(f"{PLACE}, ")
        self.negative.clear()
        self.name.setFocus()

    def _save(self) -> None:
        self._styles.save(
            Style(
                name=self.name.text().strip(),
                prompt=self.prompt.toPlainText(),
                negative_prompt=self.negative.toPlainText(),
            )
        )

    def _enable(self, _: object = None) -> None:
        name = self.name.text().strip()
        self.save.setEnabled(bool(name))
        self.remove.setEnabled(self._styles.find(name) is not None)

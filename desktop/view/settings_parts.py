"""What the Settings screen is made of: sections, rows, and lists of folders."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QFileDialog,
    QFormLayout,
    QFrame,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop.model.language import tr
from desktop.view import theme
from desktop.view.controls import caption, quiet, row
from desktop.view.icons import IconButton

LABELS = 132
"""How wide the rows' names are, unless they are sentences."""


class Section(QFrame):
    """A heading, and rows under it."""

    def __init__(self, title: str, labels: int = LABELS) -> None:
        super().__init__()
        self.setObjectName("section")
        self._labels = labels
        heading = QLabel(title)
        font = theme.body_font()
        font.setPixelSize(15)
        font.setWeight(font.Weight.DemiBold)
        heading.setFont(font)
        self._form = QFormLayout()
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setHorizontalSpacing(theme.MARGIN)
        self._form.setVerticalSpacing(theme.GRID)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.MARGIN, theme.MARGIN, theme.MARGIN, theme.MARGIN)
        layout.setSpacing(12)
        layout.addWidget(heading)
        layout.addLayout(self._form)

    def add(self, words: str, field: QWidget, more: str = "") -> None:
        """A row: its name, the control, and a sentence under it."""
        label = caption(words, field)
        label.setMinimumWidth(self._labels)
        label.setFixedHeight(theme.CONTROL)
        self._form.addRow(label, field)
        if more:
            self._form.addRow("", wrapped(more))

    def add_wide(self, *widgets: QWidget) -> None:
        """Rows without a name."""
        for widget in widgets:
            self._form.addRow(widget)


def wrapped(words: str = "") -> QLabel:
    """Secondary text of several lines."""
    label = quiet(words)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label


def switch(words: str) -> QCheckBox:
    """Something that is on or off."""
    box = QCheckBox(words)
    box.setMinimumHeight(theme.CONTROL)
    return box


def beside(*widgets: QWidget) -> QWidget:
    """Controls in one line, the first as wide as there is room."""
    box = QWidget()
    layout = row(*widgets)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setStretch(0, 1)
    box.setLayout(layout)
    return box


class FolderField(QWidget):
    """A folder that can be typed or chosen; empty is the usual one."""

    def __init__(self, name: str, usual: str, chosen: Callable[[str], None]) -> None:
        super().__init__()
        self.edit = QLineEdit()
        self.edit.setAccessibleName(name)
        self.edit.setPlaceholderText(usual)
        self._name, self._chosen = name, chosen
        self.choose = QPushButton(tr("Choose"))
        self.choose.setAccessibleName(tr("Choose: {name}", name=name))
        self.choose.clicked.connect(self._ask)
        self.edit.editingFinished.connect(lambda: chosen(self.edit.text().strip()))
        layout = row(self.edit, self.choose)
        layout.setContentsMargins(0, 0, 0, 0)
        self.setLayout(layout)

    def _ask(self) -> None:
        if folder := QFileDialog.getExistingDirectory(self, self._name, self.edit.text()):
            self._chosen(folder)


class FolderList(QWidget):
    """Some folders, each with a button that takes it off, and one that adds another."""

    def __init__(self, changed: Callable[[tuple[str, ...]], None]) -> None:
        super().__init__()
        self._changed, self._folders = changed, tuple[str, ...]()
        self.add = QPushButton(tr("Add a folder"))
        self.add.clicked.connect(self._ask)
        self.buttons: list[QAbstractButton] = []
        self._lines = QVBoxLayout()
        self._lines.setSpacing(4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._lines)
        layout.addWidget(self.add, 0, Qt.AlignmentFlag.AlignLeft)

    def show_folders(self, folders: tuple[str, ...]) -> None:
        """These, and no others."""
        self._folders = folders
        while item := self._lines.takeAt(0):
            if widget := item.widget():
                widget.deleteLater()
        self.buttons = []
        for folder in folders:
            self._lines.addWidget(self._line(folder))

    def _line(self, folder: str) -> QWidget:
        remove = IconButton("close", tr("Take off: {name}", name=folder), flat=True)
        remove.clicked.connect(lambda: self._changed(tuple(each for each in self._folders if each != folder)))
        self.buttons.append(remove)
        return beside(QLabel(folder), remove)

    def _ask(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, tr("Model folder"))
        if folder and folder not in self._folders:
            self._changed((*self._folders, folder))

"""A button to choose a picture's file with, on which one can also be dropped or pasted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

from PySide6.QtCore import QEvent, QMimeData
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
)
from PySide6.QtWidgets import QFileDialog, QPushButton

from desktop.model.language import tr
from desktop.model.start import StartPicture
from desktop.view.dropped import SUFFIXES, holds_file, picture_bytes, picture_path
from desktop.view.icons import wear

Bring = Callable[[Path], object]
Add = Callable[[StartPicture], object]


class PictureDrop(QPushButton):
    """`bring` is given a file's path, `add` a picture that is no file. `suffixes`: endings of the files."""

    def __init__(self, title: str, bring: Bring, add: Add, suffixes: tuple[str, ...] = SUFFIXES) -> None:
        super().__init__(tr("Choose, drop or paste"))
        self.setObjectName("drop")
        self.setAcceptDrops(True)
        self.setAccessibleName(title)
        self._title, self._bring, self._add, self._suffixes = title, bring, add, suffixes
        wear(self, "picture", "quiet")
        self.clicked.connect(self.ask)

    def event(self, event: QEvent) -> bool:
        """While it has the focus, pasting is its own, not the window's."""
        asked = event.type() == QEvent.Type.ShortcutOverride
        if not (asked and cast(QKeyEvent, event).matches(QKeySequence.StandardKey.Paste)):
            return super().event(event)
        event.accept()
        return True

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Paste) and self.paste():
            return
        super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self.can_take(event.mimeData()):
            event.acceptProposedAction()
            self.highlight(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.highlight(False)

    def dropEvent(self, event: QDropEvent) -> None:
        self.highlight(False)
        if self.take(event.mimeData()):
            event.acceptProposedAction()

    def ask(self) -> None:
        """Lets a file be chosen."""
        patterns = " ".join(f"*{suffix}" for suffix in self._suffixes)
        words = tr("Pictures ({patterns})", patterns=patterns)
        path, _ = QFileDialog.getOpenFileName(self, self._title, "", words)
        if path:
            self._bring(Path(path))

    def paste(self) -> bool:
        """Takes what the clipboard holds, if that is a picture."""
        return self.take(QGuiApplication.clipboard().mimeData())

    def can_take(self, mime: QMimeData) -> bool:
        return holds_file(mime, self._suffixes)

    def take(self, mime: QMimeData) -> bool:
        """What was dropped or pasted, if that is a picture."""
        if path := picture_path(mime, self._suffixes):
            self._bring(path)
        elif data := picture_bytes(mime):
            self._add(StartPicture(data, tr("pasted picture")))
        else:
            return False
        return True

    def highlight(self, on: bool) -> None:
        """Whether something that can be dropped here is over it."""
        self.setProperty("over", on)
        self.style().unpolish(self)
        self.style().polish(self)

"""The picture to start from: drop, paste or choose one; how far to leave it; and away with it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, QSize, Qt
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QPixmap,
)
from PySide6.QtWidgets import QFileDialog, QFrame, QLabel, QPushButton, QVBoxLayout, QWidget

from backends.core.contract import Picture
from desktop.model.language import tr
from desktop.model.make import Make
from desktop.model.start import StartPicture
from desktop.view import bind, theme
from desktop.view.canvas import to_pixmap
from desktop.view.controls import CalmSpinBox, ElidedLabel, caption, column, quiet, row, slider
from desktop.view.dropped import SUFFIXES, holds_picture, picture_bytes, picture_path
from desktop.view.icons import IconButton, wear
from desktop.view.inpaint_tools import InpaintTools

_THUMB = 56
_DENSITY = 2
_LEAST, _MOST = 5, 100


class StartField(QFrame):
    """Without a picture, one button; with one, its thumbnail and the strength.

    Where pictures can't start from one, it says why. `tools` is the place under the picture for what is done
    to it, such as a mask.
    """

    def __init__(self, make: Make) -> None:
        super().__init__()
        self.setObjectName("start")
        self.setAcceptDrops(True)
        self._make = make
        self.choose = QPushButton(tr("Choose, drop or paste"))
        self.choose.setObjectName("drop")
        self.choose.setAccessibleName(tr("Start picture"))
        self.choose.setToolTip(tr("Start from a picture instead of from noise (img2img)"))
        wear(self.choose, "picture", "quiet")
        self.thumbnail, self.name, self.about = _thumbnail(), ElidedLabel(), ElidedLabel()
        self.remove = IconButton("close", tr("Remove the start picture"), flat=True)
        self.strength, self.slider = CalmSpinBox(_LEAST, _MOST, 5), slider(_LEAST, _MOST, 10)
        self.slider.setMinimumWidth(40)
        self.chosen, self.why_not = self._chosen(), quiet()
        self.tools, self.inpaint = QVBoxLayout(), InpaintTools(make)
        self.tools.addWidget(self.inpaint)
        self._lay_out()
        self._connect()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Paste works while a control in here has the focus."""
        if event.matches(QKeySequence.StandardKey.Paste) and self.paste():
            return
        super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if holds_picture(event.mimeData()) and not self._make.studio.no_start:
            event.acceptProposedAction()
            self._highlight(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._highlight(False)

    def dropEvent(self, event: QDropEvent) -> None:
        self._highlight(False)
        if self.take(event.mimeData()):
            event.acceptProposedAction()

    def paste(self) -> bool:
        """Takes what the clipboard holds."""
        return self.take(QGuiApplication.clipboard().mimeData())

    def take(self, mime: QMimeData) -> bool:
        """Starts from what was dropped or pasted, if that is a picture and pictures can start from one."""
        if self._make.studio.no_start:
            return False
        if path := picture_path(mime):
            self._make.use_as_start(path)
        elif data := picture_bytes(mime):
            self._make.start_from(StartPicture(data, tr("pasted picture")))
        else:
            return False
        return True

    def _connect(self) -> None:
        self.choose.clicked.connect(self._ask)
        self.remove.clicked.connect(self._clear)
        self.slider.valueChanged.connect(self.strength.setValue)
        self.strength.valueChanged.connect(self._set_strength)
        bind.follow(self._make.form, "strength", self._show_strength)
        bind.follow(self._make.form, "start", self._show)
        bind.follow(self._make.studio, "start_look", self._show_look)
        bind.follow(self._make.studio, "no_start", self._show_able)

    def _chosen(self) -> QWidget:
        box = QWidget()
        self.about.setObjectName("quiet")
        self.about.setFont(theme.quiet_font())
        about = column(self.name, self.about, spacing=2)
        line = row(self.thumbnail)
        line.addLayout(about, 1)
        line.addWidget(self.remove, 0, Qt.AlignmentFlag.AlignTop)
        self.strength.setSuffix(" %")
        self.strength.setFixedWidth(76)
        label = caption(tr("Strength"), self.strength)
        self.slider.setAccessibleName(tr("Strength"))
        tip = tr("How far the picture leaves the one it starts from (denoising strength)")
        self.strength.setToolTip(tip)
        self.slider.setToolTip(tip)
        layout = QVBoxLayout(box)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.GRID)
        layout.addLayout(line)
        layout.addLayout(row(label, self.strength, self.slider))
        return box

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.choose)
        layout.addWidget(self.chosen)
        layout.addLayout(self.tools)
        layout.addWidget(self.why_not)
        self.why_not.setWordWrap(True)

    def _show(self, picture: StartPicture | None) -> None:
        had_focus = self.isAncestorOf(focus) if (focus := self.focusWidget()) else False
        self.choose.setVisible(picture is None)
        self.chosen.setVisible(picture is not None)
        if picture is not None:
            self.name.setText(picture.name)
        elif had_focus:
            self.choose.setFocus()

    def _show_look(self, picture: Picture | None) -> None:
        if picture is None:
            self.thumbnail.setPixmap(QPixmap())
            self.about.setText(tr("Reading the picture"))
            return
        scale = _THUMB * _DENSITY / max(picture.width, picture.height)
        sides = (max(1, round(side * scale)) for side in (picture.width, picture.height))
        small = to_pixmap(picture, *sides)
        small.setDevicePixelRatio(_DENSITY)
        self.thumbnail.setPixmap(small)
        width, height = self._make.studio.start_size
        self.about.setText(f"{width} x {height}")

    def _show_able(self, why_not: str) -> None:
        """What can't be done is grey; a picture that is here can still be removed."""
        for widget in (self.choose, self.thumbnail, self.strength, self.slider):
            widget.setEnabled(not why_not)
        self.why_not.setVisible(bool(why_not))
        self.why_not.setText(why_not and f"{why_not} {tr('Choose another backend in Settings.')}")
        self.choose.setAccessibleDescription(why_not)

    def _show_strength(self, strength: float) -> None:
        percent = round(strength * 100)
        self.strength.setValue(percent)
        self.slider.setValue(percent)

    def _set_strength(self, percent: int) -> None:
        self.slider.setValue(percent)
        if percent != round(self._make.form.strength * 100):
            self._make.form.strength = percent / 100

    def _ask(self) -> None:
        patterns = " ".join(f"*{suffix}" for suffix in SUFFIXES)
        path, _ = QFileDialog.getOpenFileName(
            self, tr("Start picture"), "", tr("Pictures ({patterns})", patterns=patterns)
        )
        if path:
            self._make.use_as_start(Path(path))

    def _clear(self) -> None:
        self._make.use_start(None)
        self.choose.setFocus()

    def _highlight(self, on: bool) -> None:
        self.choose.setProperty("over", on)
        self.choose.style().unpolish(self.choose)
        self.choose.style().polish(self.choose)


def _thumbnail() -> QLabel:
    label = QLabel()
    label.setFixedSize(QSize(_THUMB, _THUMB))
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    label.setAccessibleName(tr("The start picture"))
    return label

"""The place where a mask is painted: the brush and what belongs to it above, the start picture below."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from PySide6.QtCore import QEvent, QMimeData, QSize, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QPushButton, QSlider, QVBoxLayout

from backends.core.contract import MezzotintError, Picture
from desktop.library.reading import read_init_picture
from desktop.model.language import tr
from desktop.model.make import Make
from desktop.view import bind, theme
from desktop.view.canvas import to_pixmap
from desktop.view.controls import CalmSpinBox, caption, slider
from desktop.view.dropped import picture_bytes, picture_path
from desktop.view.mask_canvas import MaskCanvas
from desktop.view.mask_sheet import MaskSheet

SMALLEST, LARGEST, MOST_FEATHER = 2, 512, 64
_GROWTH = 1.25
_BOLDER = 24
"""What a button that is on needs more than one that is off."""


class MaskBrush(QFrame):
    """Open while a mask is painted; each act is in the form at once. `closed` when it is done."""

    closed = Signal()

    def __init__(self, make: Make) -> None:
        super().__init__()
        self.setObjectName("maskBrush")
        self._make, self.canvas = make, MaskCanvas()
        self.paint, self.erase = QPushButton(tr("Brush")), QPushButton(tr("Eraser"))
        self.size_box, self.size_slider = CalmSpinBox(SMALLEST, LARGEST), slider(SMALLEST, LARGEST)
        self.feather_box, self.feather = CalmSpinBox(0, MOST_FEATHER), slider(0, MOST_FEATHER)
        self.undo, self.redo = QPushButton(tr("Undo")), QPushButton(tr("Redo"))
        self.invert, self.clear = QPushButton(tr("Invert")), QPushButton(tr("Clear"))
        self.done = QPushButton(tr("Done"))
        self._lay_out()
        self._connect()
        self.hide()

    def open(self) -> None:
        """Over the start picture, once the worker has read it."""
        look, (width, height) = self._make.studio.start_look, self._make.studio.start_size
        if look is None or not width:
            return
        sheet = MaskSheet(QSize(width, height), self._make.form.mask)
        self.canvas.show_picture(to_pixmap(look, look.width, look.height), sheet)
        self.size_box.setValue(max(SMALLEST, min(LARGEST, max(width, height) // 8)))
        self._show_able()
        self.show()
        self.canvas.setFocus()

    def close_brush(self) -> None:
        if not self.isHidden():
            self.hide()
            self.closed.emit()

    def _connect(self) -> None:
        self.paint.toggled.connect(lambda on: setattr(self.canvas, "erases", not on))
        self.size_box.valueChanged.connect(self._set_size)
        self.size_slider.valueChanged.connect(self.size_box.setValue)
        bind.number(self.feather_box, self._make.form, "feather")
        self.feather_box.valueChanged.connect(self.feather.setValue)
        self.feather.valueChanged.connect(self.feather_box.setValue)
        self.feather.setValue(self.feather_box.value())
        self.canvas.changed.connect(self._keep)
        self.canvas.dropped.connect(self._take)
        for button, act in (
            (self.undo, lambda sheet: sheet.undo()),
            (self.redo, lambda sheet: sheet.redo()),
            (self.invert, lambda sheet: sheet.invert()),
            (self.clear, lambda sheet: sheet.clear()),
        ):
            button.clicked.connect(lambda _=False, act=act: self._act(act))
        self.done.clicked.connect(self.close_brush)
        bind.follow(self._make.studio, "start_look", self._look_changed)
        self._keys = self._acts()

    def _acts(self) -> list[tuple[QKeySequence, Callable[[], object]]]:
        """What keys do while the focus is in here."""
        return [
            (QKeySequence("["), lambda: self._scale(1 / _GROWTH)),
            (QKeySequence("]"), lambda: self._scale(_GROWTH)),
            (QKeySequence("B"), self.paint.click),
            (QKeySequence("E"), self.erase.click),
            (QKeySequence("I"), self.invert.click),
            (QKeySequence("Esc"), self.close_brush),
            (QKeySequence("Ctrl+Z"), self.undo.click),
            (QKeySequence("Ctrl+Shift+Z"), self.redo.click),
            (QKeySequence("Ctrl+Y"), self.redo.click),
        ]

    def event(self, event: QEvent) -> bool:
        """The brush's keys come before the window's."""
        if event.type() == QEvent.Type.ShortcutOverride and self._act_of(cast(QKeyEvent, event)):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if act := self._act_of(event):
            act()
        else:
            super().keyPressEvent(event)

    def _act_of(self, event: QKeyEvent) -> Callable[[], object] | None:
        pressed = QKeySequence(event.keyCombination())
        named = QKeySequence(event.text()) if event.text() in ("[", "]") else pressed
        return next((act for key, act in self._keys if key in (pressed, named)), None)

    def _act(self, act: Callable[[MaskSheet], object]) -> None:
        if self.canvas.sheet is not None:
            act(self.canvas.sheet)
            self.canvas.update()
            self._keep()

    def _keep(self) -> None:
        if self.canvas.sheet is not None:
            try:
                self._make.form.mask = self.canvas.sheet.to_png()
            except MezzotintError as error:
                self._make.not_opened(error)
        self._show_able()

    def _take(self, mime: QMimeData) -> None:
        try:
            path = picture_path(mime)
            data = read_init_picture(path)[0] if path else picture_bytes(mime)
            if data and self.canvas.sheet is not None:
                self.canvas.sheet.take(data)
        except MezzotintError as error:
            self._make.not_opened(error)
            return
        self.canvas.update()
        self._keep()

    def _show_able(self) -> None:
        sheet = self.canvas.sheet
        self.undo.setEnabled(sheet is not None and sheet.can_undo)
        self.redo.setEnabled(sheet is not None and sheet.can_redo)

    def _look_changed(self, look: Picture | None) -> None:
        """Another start picture, or none."""
        self.close_brush()

    def _set_size(self, pixels: int) -> None:
        self.canvas.brush = pixels
        self.size_slider.setValue(pixels)
        self.canvas.update()

    def _scale(self, factor: float) -> None:
        now = self.size_box.value()
        step = max(1, round(abs(now * factor - now)))
        self.size_box.setValue(now + (step if factor > 1 else -step))

    def _lay_out(self) -> None:
        for button in (self.paint, self.erase):
            button.setCheckable(True)
            button.setAutoExclusive(True)
            button.setMinimumWidth(button.sizeHint().width() + _BOLDER)
        self.paint.setChecked(True)
        self.paint.setToolTip(tr("Paint what is to be made anew (B)"))
        self.erase.setToolTip(tr("Paint what is to stay (E)"))
        self.undo.setToolTip(tr("Take the last stroke back (Ctrl+Z)"))
        self.redo.setToolTip(tr("Make it again (Ctrl+Shift+Z)"))
        self.invert.setToolTip(tr("Make anew what stays, and keep the rest (I)"))
        self.clear.setToolTip(tr("Make nothing anew"))
        self.done.setToolTip(tr("Back to the picture (Esc)"))
        size, feather = caption(tr("Size"), self.size_box), caption(tr("Feather"), self.feather_box)
        tip = tr("How wide the brush is, in pixels of the picture ([ and ])")
        _describe(self.size_box, self.size_slider, tr("Size of the brush"), tip)
        tip = tr("Over how many pixels new and old run together (mask blur)")
        _describe(self.feather_box, self.feather, tr("Feather"), tip)
        tools = _line(self.paint, self.erase, size, self.size_box, self.size_slider)
        tools.addStretch(1)
        tools.addWidget(self.done)
        acts = _line(self.undo, self.redo, self.invert, self.clear)
        acts.addStretch(1)
        edge = _line(feather, self.feather_box, self.feather)
        edge.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.MARGIN, theme.GRID, theme.MARGIN, 0)
        layout.setSpacing(theme.GRID)
        layout.addLayout(tools)
        layout.addLayout(acts)
        layout.addLayout(edge)
        layout.addWidget(self.canvas, 1)


def _line(*widgets: QPushButton | QSlider | CalmSpinBox | QFrame) -> QBoxLayout:
    layout = QHBoxLayout()
    layout.setSpacing(theme.GRID)
    for widget in widgets:
        layout.addWidget(widget)
    return layout


def _describe(box: CalmSpinBox, bar: QSlider, name: str, tip: str) -> None:
    box.setFixedWidth(76)
    bar.setFixedWidth(120)
    box.setSuffix(" px")
    for widget in (box, bar):
        widget.setAccessibleName(name)
        widget.setToolTip(tip)

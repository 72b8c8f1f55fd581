"""The place where a mask is painted and edges are pulled: the tools above, the start picture below."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QMimeData, QSize, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QBoxLayout,
    QHBoxLayout,
    QPushButton,
    QSlider,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from backends.core.contract import MezzotintError, Picture
from desktop.library.reading import read_init_picture
from desktop.model.extending import Extend
from desktop.model.language import tr
from desktop.model.make import Make
from desktop.view import bind, theme
from desktop.view.canvas import to_pixmap
from desktop.view.controls import CalmSpinBox, caption, slider
from desktop.view.dropped import picture_bytes, picture_path
from desktop.view.extend_canvas import ExtendCanvas
from desktop.view.extend_told import ExtendTold
from desktop.view.mask_canvas import MaskCanvas
from desktop.view.mask_sheet import MaskSheet
from desktop.view.workbench import Workbench

SMALLEST, LARGEST, MOST_FEATHER = 2, 512, 64
_GROWTH = 1.25
_BOLDER = 24
"""What a button that is on needs more than one that is off."""


class MaskBrush(Workbench):
    """Open while a mask is painted or edges are pulled; each act is in the form at once. `closed` when it
    is done."""

    closed = Signal()
    by_text = ("[", "]")

    def __init__(self, make: Make) -> None:
        super().__init__()
        self.setObjectName("maskBrush")
        self._make, self.canvas, self.edges = make, MaskCanvas(), ExtendCanvas(make.extending)
        self.paint, self.erase = QPushButton(tr("Brush")), QPushButton(tr("Eraser"))
        self.extend, self.told = QPushButton(tr("Extend")), ExtendTold(make, lines=2)
        self.size_box, self.size_slider = CalmSpinBox(SMALLEST, LARGEST), slider(SMALLEST, LARGEST)
        self.feather_box, self.feather = CalmSpinBox(0, MOST_FEATHER), slider(0, MOST_FEATHER)
        self.undo, self.redo = QPushButton(tr("Undo")), QPushButton(tr("Redo"))
        self.invert, self.clear = QPushButton(tr("Invert")), QPushButton(tr("Clear"))
        self.done = QPushButton(tr("Done"))
        self._lay_out()
        self._connect()
        self.hide()

    def open(self, *, extending: bool = False) -> None:
        """Over the start picture, once the worker has read it: with the brush, or with handles."""
        look, (width, height) = self._make.studio.start_look, self._make.studio.start_size
        if look is None or not width:
            return
        sheet = MaskSheet(QSize(width, height), self._make.form.mask, self._make.form.extend)
        pixmap = to_pixmap(look, look.width, look.height)
        self.canvas.show_picture(pixmap, sheet)
        self.edges.show_picture(pixmap, sheet)
        self.size_box.setValue(max(SMALLEST, min(LARGEST, max(width, height) // 8)))
        self._show_able()
        self.show()
        (self.extend if extending else self.paint).setChecked(True)
        self._choose_tool()

    def close_brush(self) -> None:
        if not self.isHidden():
            self.hide()
            self.closed.emit()

    def _connect(self) -> None:
        self.erase.toggled.connect(lambda on: setattr(self.canvas, "erases", on))
        for tool in (self.paint, self.erase, self.extend):
            tool.clicked.connect(self._choose_tool)
        self.size_box.valueChanged.connect(self._set_size)
        self.size_slider.valueChanged.connect(self.size_box.setValue)
        bind.number(self.feather_box, self._make.form, "feather")
        self.feather_box.valueChanged.connect(self.feather.setValue)
        self.feather.valueChanged.connect(self.feather_box.setValue)
        self.feather.setValue(self.feather_box.value())
        self.canvas.changed.connect(self._keep)
        self.edges.changed.connect(self._show_able)
        bind.follow(self._make.form, "extend", self._extended_elsewhere)
        for side in ("width", "height", "model"):
            bind.follow(self._make.form, side, lambda _: self.edges.follow())
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
        self.keys = self._acts()

    def _acts(self) -> list[tuple[QKeySequence, Callable[[], object]]]:
        """What keys do while the focus is in here."""
        return [
            (QKeySequence("["), lambda: self._scale(1 / _GROWTH)),
            (QKeySequence("]"), lambda: self._scale(_GROWTH)),
            (QKeySequence("B"), self.paint.click),
            (QKeySequence("E"), self.erase.click),
            (QKeySequence("X"), self.extend.click),
            (QKeySequence("I"), self.invert.click),
            (QKeySequence("Esc"), self.close_brush),
            (QKeySequence("Ctrl+Z"), self.undo.click),
            (QKeySequence("Ctrl+Shift+Z"), self.redo.click),
            (QKeySequence("Ctrl+Y"), self.redo.click),
        ]

    def _act(self, act: Callable[[MaskSheet], object]) -> None:
        if self.canvas.sheet is not None:
            act(self.canvas.sheet)
            self.canvas.update()
            self._keep()
            self._make.extending.use(self.canvas.sheet.extend)
            self.edges.settle()

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

    def _choose_tool(self) -> None:
        """The brush on the picture, or the handles around it."""
        extends = self.extend.isChecked()
        self.pages.setCurrentWidget(self.edges if extends else self.canvas)
        for part in self._for_brush:
            part.setVisible(not extends)
        self.told.setVisible(extends)
        self._place_feather(extends)
        self.edges.settle()
        (next(iter(self.edges.handles.values())) if extends else self.canvas).setFocus()

    def _place_feather(self, extends: bool) -> None:
        """Where there is room for it: beside the brush's size, or where that would be."""
        acts, edge = self._soft_lines
        for line in (acts, edge):
            line.removeItem(self._soft)
        self._soft.setParent(None)
        line = acts if extends else edge
        line.insertLayout(line.count() - 1, self._soft)

    def _extended_elsewhere(self, extend: Extend) -> None:
        sheet = self.canvas.sheet
        if sheet is not None and extend != sheet.extend:
            sheet.follow(extend)
            self.edges.follow()
            self._show_able()

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
        for button in (self.paint, self.erase, self.extend):
            button.setCheckable(True)
            button.setAutoExclusive(True)
            button.setMinimumWidth(button.sizeHint().width() + _BOLDER)
        self.paint.setChecked(True)
        self.paint.setToolTip(tr("Paint what is to be made anew (B)"))
        self.erase.setToolTip(tr("Paint what is to stay (E)"))
        self.extend.setToolTip(tr("Pull the picture's edges outwards (X)"))
        self.undo.setToolTip(tr("Take the last act back (Ctrl+Z)"))
        self.redo.setToolTip(tr("Make it again (Ctrl+Shift+Z)"))
        self.invert.setToolTip(tr("Make anew what stays, and keep the rest (I)"))
        self.clear.setToolTip(tr("Make nothing anew"))
        self.done.setToolTip(tr("Back to the picture (Esc)"))
        size, feather = caption(tr("Size"), self.size_box), caption(tr("Feather"), self.feather_box)
        tip = tr("How wide the brush is, in pixels of the picture ([ and ])")
        _describe(self.size_box, self.size_slider, tr("Size of the brush"), tip)
        tip = tr("Over how many pixels new and old run together (mask blur)")
        _describe(self.feather_box, self.feather, tr("Feather"), tip)
        self._for_brush = (size, self.size_box, self.size_slider, self.invert, self.clear)
        tools = _line(self.paint, self.erase, self.extend)
        tools.addStretch(1)
        tools.addWidget(self.done)
        acts = _line(self.undo, self.redo, self.invert, self.clear)
        edge = _line(size, self.size_box, self.size_slider)
        self._soft = _line(feather, self.feather_box, self.feather)
        self._soft_lines = acts, edge
        for each in (acts, edge):
            each.addStretch(1)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.canvas)
        self.pages.addWidget(self.edges)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.MARGIN, theme.GRID, theme.MARGIN, 0)
        layout.setSpacing(theme.GRID)
        for line in (tools, acts, edge):
            layout.addLayout(line)
        layout.addWidget(self.told)
        layout.addWidget(self.pages, 1)


def _line(*widgets: QWidget) -> QBoxLayout:
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

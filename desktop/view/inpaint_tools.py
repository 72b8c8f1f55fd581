"""Under the start picture: what of it is made anew, and how much around it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QPushButton, QVBoxLayout, QWidget

from backends.core.contract import MAX_EXTEND
from desktop.model.form import NOT_EXTENDED
from desktop.model.language import tr
from desktop.model.make import Make
from desktop.model.start import StartPicture
from desktop.view import bind, theme
from desktop.view.controls import CalmSpinBox, Fold, caption, quiet, row
from desktop.view.icons import IconButton

_STEP = 8


class InpaintTools(QWidget):
    """`mask_wanted` when somebody wants to paint the mask."""

    mask_wanted = Signal()

    def __init__(self, make: Make) -> None:
        super().__init__()
        self._make = make
        self.mask_button, self.remove = QPushButton(), IconButton("close", tr("Remove the mask"), flat=True)
        self.mask_button.setToolTip(tr("Paint what of the start picture is made anew (inpainting)"))
        self.edges = tuple(CalmSpinBox(0, MAX_EXTEND, _STEP) for _ in NOT_EXTENDED)
        self.whole = quiet()
        self.extend = Fold(tr("Extend"), self._fields())
        self.extend.button.setToolTip(tr("Make more around the start picture (outpainting)"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(row(self.mask_button, self.remove))
        layout.addWidget(self.extend)
        self._connect()

    def _fields(self) -> QWidget:
        names = (tr("Left"), tr("Above"), tr("Right"), tr("Below"))
        body, grid = QWidget(), QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(theme.GRID)
        for number, (name, edge) in enumerate(zip(names, self.edges, strict=True)):
            edge.setSuffix(" px")
            edge.setAccessibleName(tr("Extend: {edge}", edge=name))
            edge.setToolTip(tr("How many pixels are added at this edge"))
            line, side = number % 2, number // 2
            grid.addWidget(caption(name, edge), 2 * line, side)
            grid.addWidget(edge, 2 * line + 1, side)
        grid.addWidget(self.whole, 4, 0, 1, 2)
        body.setLayout(grid)
        return body

    def _connect(self) -> None:
        form = self._make.form
        self.mask_button.clicked.connect(self.mask_wanted)
        self.remove.clicked.connect(lambda: setattr(form, "mask", None))
        for edge in self.edges:
            edge.valueChanged.connect(self._set_extend)
        bind.follow(form, "start", self._show)
        bind.follow(form, "mask", self._show_mask)
        bind.follow(form, "extend", self._show_extend)
        bind.follow(form, "width", lambda _: self._show_whole())
        bind.follow(form, "height", lambda _: self._show_whole())
        bind.follow(
            self._make.studio, "start_look", lambda look: self.mask_button.setEnabled(look is not None)
        )

    def _show(self, picture: StartPicture | None) -> None:
        self.setVisible(picture is not None)

    def _show_mask(self, mask: bytes | None) -> None:
        self.mask_button.setText(tr("Paint a mask") if mask is None else tr("Change the mask"))
        self.remove.setVisible(mask is not None)

    def _show_extend(self, extend: tuple[int, int, int, int]) -> None:
        for edge, pixels in zip(self.edges, extend, strict=True):
            edge.setValue(pixels)
        if any(extend):
            self.extend.button.setChecked(True)
        self._show_whole()

    def _set_extend(self) -> None:
        left, top, right, bottom = (edge.value() // _STEP * _STEP for edge in self.edges)
        self._make.form.extend = (left, top, right, bottom)

    def _show_whole(self) -> None:
        width, height = self._make.form.whole_size
        self.whole.setText(tr("The picture becomes {size}", size=f"{width} x {height}"))

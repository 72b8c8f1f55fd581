"""Under the start picture: what of it is made anew, and how much around it."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QPushButton, QVBoxLayout, QWidget

from backends.core.contract import MAX_EXTEND, Picture
from desktop.model.extending import STEP
from desktop.model.form import NOT_EXTENDED
from desktop.model.language import tr
from desktop.model.make import Make
from desktop.model.start import StartPicture
from desktop.view import bind, theme
from desktop.view.controls import CalmSpinBox, Fold, caption, row
from desktop.view.extend_told import ExtendTold
from desktop.view.icons import IconButton


class InpaintTools(QWidget):
    """`mask_wanted` when somebody wants to paint the mask, `edges_wanted` to pull the picture's edges."""

    mask_wanted = Signal()
    edges_wanted = Signal()

    def __init__(self, make: Make) -> None:
        super().__init__()
        self._make = make
        self.mask_button, self.remove = QPushButton(), IconButton("close", tr("Remove the mask"), flat=True)
        self.mask_button.setToolTip(tr("Paint what of the start picture is made anew (inpainting)"))
        self.edges = tuple(CalmSpinBox(0, MAX_EXTEND, STEP) for _ in NOT_EXTENDED)
        self.pull, self.whole = QPushButton(tr("Pull the edges")), ExtendTold(make)
        self.pull.setToolTip(tr("Shows the start picture with handles to pull its edges outwards"))
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
            line, side = number % 2 + 1, number // 2
            grid.addWidget(caption(name, edge), 2 * line, side)
            grid.addWidget(edge, 2 * line + 1, side)
        grid.addWidget(self.pull, 0, 0, 1, 2)
        grid.addWidget(self.whole, 6, 0, 1, 2)
        body.setLayout(grid)
        return body

    def _connect(self) -> None:
        form = self._make.form
        self.mask_button.clicked.connect(self.mask_wanted)
        self.remove.clicked.connect(lambda: setattr(form, "mask", None))
        self.pull.clicked.connect(self.edges_wanted)
        for number, edge in enumerate(self.edges):
            edge.valueChanged.connect(partial(self._make.extending.set_edge, number))
        bind.follow(form, "start", self._show)
        bind.follow(form, "mask", self._show_mask)
        bind.follow(form, "extend", self._show_extend)
        bind.follow(form, "model", lambda _: self._show_step())
        bind.follow(self._make.studio, "start_look", self._show_able)

    def _show_able(self, look: Picture | None) -> None:
        """Once the worker has read it, there is something to be shown."""
        for button in (self.mask_button, self.pull):
            button.setEnabled(look is not None)

    def _show_step(self) -> None:
        for edge in self.edges:
            edge.setSingleStep(self._make.extending.bounds.step)

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

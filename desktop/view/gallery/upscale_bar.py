"""Below the pictures: how the chosen one is to be made larger, and how far that is."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout

from backends.core.contract import LANCZOS
from desktop.model.additions import AdditionsDesk, Found
from desktop.model.hires_told import way_in_words
from desktop.model.language import tr
from desktop.model.upscaling import UpscaleDesk
from desktop.view import bind, theme
from desktop.view.controls import CalmComboBox, CalmDoubleSpinBox, CalmSpinBox, ElidedLabel, caption, row

_LEAST_TILE, _MOST_TILE, _TILE_STEP = 64, 2048, 64
_MOST_SCALE = 16


class UpscaleBar(QFrame):
    """Hidden until a picture is asked about. `wanted` when it is to be made."""

    wanted = Signal()

    def __init__(self, desk: UpscaleDesk, additions: AdditionsDesk) -> None:
        super().__init__()
        self.setObjectName("section")
        self._desk, self._additions = desk, additions
        self.title, self.told = ElidedLabel(), ElidedLabel()
        self.way, self.scale = CalmComboBox(), CalmDoubleSpinBox(1, _MOST_SCALE, 0.5)
        self.tile, self.bar = CalmSpinBox(_LEAST_TILE, _MOST_TILE, _TILE_STEP), QProgressBar()
        self.go, self.stop = QPushButton(tr("Upscale")), QPushButton(tr("Cancel"))
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        self.go.setObjectName("primary")
        self.scale.setDecimals(2)
        self.scale.setSuffix(" x")
        self.tile.setSuffix(" px")
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(tr("Progress"))
        self.told.setAccessibleName(tr("How it went"))
        fields = (
            (tr("By"), self.way, tr("Lanczos, or an upscaler from the folder upscalers")),
            (tr("Scale"), self.scale, tr("How many times as wide and high the picture becomes")),
            (
                tr("Tile"),
                self.tile,
                tr("An upscaler works in squares of this side; smaller needs less memory"),
            ),
        )
        above, below = QHBoxLayout(), QHBoxLayout()
        for words, field, tip in fields:
            field.setToolTip(tip)
            field.setAccessibleName(f"{tr('Upscale')}: {words}")
            line = below if field is self.tile else above
            line.addWidget(caption(words, field))
            line.addWidget(field, 1 if field is self.way else 0)
        below.addWidget(self.bar, 1)
        below.addStretch(1)
        below.addLayout(row(self.stop, self.go))
        outer = QVBoxLayout(self)
        outer.setContentsMargins(theme.MARGIN, theme.GRID, theme.MARGIN, theme.GRID)
        outer.addWidget(self.title)
        outer.addLayout(above)
        outer.addLayout(below)
        outer.addWidget(self.told)

    def _connect(self) -> None:
        at = self._desk.upscaling
        bind.follow(self._additions.additions, "found", self._offer)
        self.way.activated.connect(lambda index: setattr(at, "way", self.way.itemData(index)))
        bind.decimal(self.scale, at, "scale")
        bind.number(self.tile, at, "tile")
        self.go.clicked.connect(self.wanted)
        self.stop.clicked.connect(self._desk.stop)
        for field in ("picture", "way", "running", "done", "told"):
            bind.follow(at, field, lambda _: self._show())

    def open(self) -> None:
        """Reads which upscalers there are, and waits for a choice."""
        self._additions.refresh()
        self.way.setFocus()

    def _offer(self, found: Found) -> None:
        self.way.clear()
        for way in dict.fromkeys((LANCZOS, *found.upscalers, *found.pickled_upscalers)):
            self.way.addItem(way_in_words(way), way)
        at = max(0, self.way.findData(self._desk.upscaling.way))
        self.way.setCurrentIndex(at)
        self._desk.upscaling.way = self.way.itemData(at)

    def _show(self) -> None:
        at = self._desk.upscaling
        self.setVisible(at.picture is not None)
        if at.picture is None:
            return
        self.title.setText(tr("Upscale {name}", name=at.picture.name))
        for field in (self.way, self.scale):
            field.setEnabled(not at.running)
        self.go.setHidden(at.running)
        self.tile.setEnabled(not at.running and at.way != LANCZOS)
        self.bar.setVisible(at.running)
        self.bar.setRange(0, at.of)
        self.bar.setValue(at.done)
        self.stop.setText(tr("Stop") if at.running else tr("Close"))
        self.told.setVisible(bool(at.told) and not at.running)
        self.told.setText(at.told)

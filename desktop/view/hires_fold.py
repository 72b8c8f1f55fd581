"""The hi-res fix, folded away at first: how much larger, by what, and the second pass's settings."""

from __future__ import annotations

from PySide6.QtWidgets import QGridLayout, QWidget

from backends.core.contract import LANCZOS, LATENTS, MAX_SCALE
from backends.core.contract.hires import scaled
from desktop.model.additions import AdditionsDesk, Found
from desktop.model.form import Form
from desktop.model.hires_told import way_in_words
from desktop.model.language import tr
from desktop.view import bind, theme
from desktop.view.controls import CalmComboBox, CalmDoubleSpinBox, CalmSpinBox, Fold, caption, quiet

_LEAST_SCALE, _MOST_STEPS = 1.25, 200


class HiresFold(Fold):
    """Binds to the form. The upscalers are those that the additions' desk has found."""

    def __init__(self, form: Form, desk: AdditionsDesk) -> None:
        self._form, self._desk = form, desk
        self.by = CalmComboBox()
        self.scale, self.steps = CalmDoubleSpinBox(_LEAST_SCALE, MAX_SCALE, 0.25), CalmSpinBox(1, _MOST_STEPS)
        self.strength, self.said = CalmDoubleSpinBox(0.05, 1, 0.05), quiet()
        for field in (self.scale, self.strength):
            field.setDecimals(2)
        super().__init__(tr("Hi-res fix"), self._fields())
        self.button.setToolTip(tr("Make the picture larger and denoise it once more in that size"))
        self.button.toggled.connect(self._look)
        self._connect()

    def _fields(self) -> QWidget:
        body, grid = QWidget(), QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(theme.GRID)
        self.said.setWordWrap(True)
        fields = (
            (tr("Enlarge"), self.by, tr("By latents: softer and freer; by Lanczos or an upscaler: nearer")),
            (tr("Scale"), self.scale, tr("How many times as wide and high the picture becomes")),
            (tr("Steps"), self.steps, tr("Steps of the second pass")),
            (tr("Strength"), self.strength, tr("How far the second pass may leave the first picture")),
        )
        for line, (words, field, tip) in enumerate(fields):
            field.setToolTip(tip)
            field.setAccessibleName(f"{tr('Hi-res fix')}: {words}")
            grid.addWidget(caption(words, field), line, 0)
            grid.addWidget(field, line, 1)
        grid.addWidget(self.said, len(fields), 0, 1, 2)
        grid.setColumnMinimumWidth(0, 64)
        grid.setColumnStretch(1, 1)
        body.setLayout(grid)
        return body

    def _connect(self) -> None:
        form = self._form
        bind.follow(self._desk.additions, "found", self._offer)
        self.by.activated.connect(lambda index: setattr(form, "hires_by", self.by.itemData(index)))
        bind.decimal(self.scale, form, "hires_scale")
        bind.number(self.steps, form, "hires_steps")
        bind.decimal(self.strength, form, "hires_strength")
        bind.follow(form, "hires_by", self._show_way)
        for field in ("width", "height", "hires_scale", "start"):
            bind.follow(form, field, lambda _: self._say())

    def _look(self, on: bool) -> None:
        """Reads which upscalers there are, when it is opened."""
        if on:
            self._desk.refresh()

    def _offer(self, found: Found) -> None:
        self.by.clear()
        self.by.addItem(tr("Off"), "")
        for way in dict.fromkeys((LATENTS, LANCZOS, *found.upscalers)):
            self.by.addItem(way_in_words(way), way)
        self._choose(self._form.hires_by)

    def _choose(self, by: str) -> None:
        """One that isn't there any more stays to be seen."""
        if self.by.findData(by) < 0:
            self.by.addItem(way_in_words(by), by)
        self.by.setCurrentIndex(self.by.findData(by))

    def _show_way(self, by: str) -> None:
        self._choose(by)
        if by:
            self.button.setChecked(True)
        self._say()

    def _say(self) -> None:
        form = self._form
        for field in (self.scale, self.steps, self.strength):
            field.setEnabled(bool(form.hires_by) and form.start is None)
        self.by.setEnabled(form.start is None)
        self.said.setVisible(bool(form.hires_by) or form.start is not None)
        if form.start is not None:
            self.said.setText(
                tr("Pictures that start from a picture can be upscaled in the gallery instead.")
            )
            return
        size = " x ".join(str(scaled(side, form.hires_scale)) for side in (form.width, form.height))
        self.said.setText(tr("The picture becomes {size}", size=size))

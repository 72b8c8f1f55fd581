"""The refiner, a second model for the last steps: rows for models that have such, below the sampler."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QGridLayout, QPushButton

from desktop.model.language import tr
from desktop.model.make import Make
from desktop.model.refining import refiners_for
from desktop.view import bind
from desktop.view.controls import CalmComboBox, CalmDoubleSpinBox, caption, quiet


class RefinerRows(QObject):
    """Binds to the form; hidden for models that no refiner is made for.

    `models_wanted` says that somebody wants to see what could be fetched.
    """

    models_wanted = Signal()

    def __init__(self, make: Make) -> None:
        super().__init__()
        self._make = make
        self.refiner, self.switch = CalmComboBox(), CalmDoubleSpinBox(0.05, 0.95, 0.05)
        self.said, self.fetch = quiet(), QPushButton(tr("Models to download"))
        self._name, self._from = caption(tr("Refiner"), self.refiner), caption(tr("Starts at"), self.switch)
        self.switch.setDecimals(2)
        self.switch.setAccessibleName(tr("The refiner takes over at"))
        self.said.setWordWrap(True)
        self.refiner.setToolTip(tr("A second model that makes the last steps, which are for fine details"))
        self.switch.setToolTip(tr("The share of the noise schedule after which it takes over"))

    def lay_in(self, grid: QGridLayout, line: int) -> None:
        """Puts the rows below each other, from this line on, and shows what there is."""
        for number, (label, field) in enumerate(((self._name, self.refiner), (self._from, self.switch))):
            grid.addWidget(label, line + number, 0)
            grid.addWidget(field, line + number, 1)
        grid.addWidget(self.said, line + 2, 0, 1, 2)
        grid.addWidget(self.fetch, line + 3, 0, 1, 2)
        form = self._make.form
        bind.decimal(self.switch, form, "refiner_switch")
        self.refiner.activated.connect(self._choose)
        self.fetch.clicked.connect(self.models_wanted)
        self._make.studio.events.models.connect(self._offer)
        for field in ("model", "refiner"):
            bind.follow(form, field, self._offer)

    def _choose(self, index: int) -> None:
        self._make.form.refiner = self.refiner.itemData(index)

    def _offer(self, _: object = None) -> None:
        form, models = self._make.form, self._make.models
        model = models.get(form.model)
        offered = {each.name: each.title for each in refiners_for(model, models.values())}
        if form.refiner and form.refiner not in offered:  # another model of the kind, from a recipe
            offered[form.refiner] = models[form.refiner].title if form.refiner in models else form.refiner
        self.refiner.clear()
        self.refiner.addItem(tr("Off"), "")
        for name, title in offered.items():
            self.refiner.addItem(title, name)
        self.refiner.setCurrentIndex(self.refiner.findData(form.refiner))
        self.refiner.setEnabled(bool(offered))
        self._show(model is not None and model.has_refiner, bool(offered), bool(model and model.made_for))

    def _show(self, has: bool, offered: bool, converted: bool) -> None:
        on = has and bool(self._make.form.refiner)
        for widget in (self._name, self.refiner):
            widget.setVisible(has)
        for widget in (self._from, self.switch):
            widget.setVisible(on)
        self.said.setVisible(has and not offered)
        self.fetch.setVisible(has and not offered and not converted)
        self.said.setText(
            tr("This model was converted, and no refiner can follow it.")
            if converted
            else tr("A refiner is a second model that makes the last steps. None is installed here.")
        )

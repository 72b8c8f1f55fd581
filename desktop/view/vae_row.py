"""Which VAE develops the picture: the model's own, or one of those found; below the sampler."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QGridLayout

from desktop.model.additions import AdditionsDesk, Found
from desktop.model.language import tr
from desktop.model.make import Make
from desktop.view import bind
from desktop.view.controls import CalmComboBox, Fold, caption, quiet


class VaeRow(QObject):
    """Binds to the form. One that does not fit the model is grey, with the reason as its tooltip; with a
    converted model there is nothing to choose, and a line says so."""

    def __init__(self, make: Make) -> None:
        super().__init__()
        self._make, self._found = make, Found()
        self.box, self.said = CalmComboBox(), quiet()
        self._name = caption(tr("VAE"), self.box)
        self.said.setWordWrap(True)

    def lay_in(self, grid: QGridLayout, line: int) -> None:
        """Puts the row and what is said of it below each other, from this line on."""
        grid.addWidget(self._name, line, 0)
        grid.addWidget(self.box, line, 1)
        grid.addWidget(self.said, line + 1, 0, 1, 2)
        self.box.activated.connect(self._choose)
        self._make.studio.events.models.connect(self._show)
        for field in ("model", "vae"):
            bind.follow(self._make.form, field, self._show)

    def offer_from(self, desk: AdditionsDesk, fold: Fold) -> None:
        """Offers what the desk finds, which looks when the fold is opened."""
        fold.button.toggled.connect(lambda on: desk.refresh() if on else None)
        bind.follow(desk.additions, "found", self._take)
        if fold.button.isChecked():
            desk.refresh()

    def _take(self, found: Found) -> None:
        self._found = found
        self._show()

    def _choose(self, index: int) -> None:
        self._make.form.vae = self.box.itemData(index)

    def _show(self, _: object = None) -> None:
        chosen, model = self._make.form.vae, self._make.models.get(self._make.form.model)
        self.box.clear()
        self.box.addItem(tr("From the model"), "")
        for name, why_not in self._found.vaes.items():
            self.box.addItem(name, name)
            self._mark(name, why_not)
        if self.box.findData(chosen) < 0:  # one that isn't there any more stays to be seen
            self.box.addItem(chosen, chosen)
        self.box.setCurrentIndex(self.box.findData(chosen))
        tip = tr("The decoder that turns what was denoised into pixels (VAE)")
        self.box.setToolTip(f"{chosen}\n{tip}" if chosen else tip)
        converted = model is not None and bool(model.made_for)
        self.box.setEnabled(not converted or bool(chosen))
        words = tr("This model was converted, with its VAE within it.") if converted else self._why(chosen)
        self.said.setText(words)
        self.said.setVisible(bool(words))

    def _why(self, chosen: str) -> str:
        """Why what is chosen can't be used, if it can't."""
        return self._found.vaes.get(chosen, "")

    def _mark(self, name: str, why_not: str) -> None:
        items, line = self.box.model(), self.box.findData(name)
        if why_not and isinstance(items, QStandardItemModel):
            items.item(line).setEnabled(False)
            self.box.setItemData(line, why_not, Qt.ItemDataRole.ToolTipRole)

"""By what depth is found, or a map of it, for models that keep a picture's depth; below the start picture."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QGridLayout, QWidget

from backends.core.contract import ROUGH_DEPTH
from desktop.model import depth
from desktop.model.additions import AdditionsDesk, Found
from desktop.model.form import ModelChoice
from desktop.model.language import tr
from desktop.model.make import Make
from desktop.view import bind
from desktop.view.controls import NameComboBox, caption
from desktop.view.dropped import SUFFIXES

_MAP, _CHOOSE = "\0map", "\0choose"


class DepthRow(QObject):
    """Binds to the form; hidden for other models. The last line of the list asks for a map's file.

    A model without a network of its own begins with the first depth model that is found, or roughly.
    """

    def __init__(self, make: Make) -> None:
        super().__init__()
        self._make, self._found = make, Found()
        self._desk: AdditionsDesk | None = None
        self.box = NameComboBox()
        self._name = caption(tr("Depth"), self.box)

    def lay_in(self, grid: QGridLayout, line: int) -> None:
        """Puts the row into this line, and shows what there is."""
        grid.addWidget(self._name, line, 0)
        grid.addWidget(self.box, line, 1)
        self.box.activated.connect(self._choose)
        self._make.studio.events.models.connect(self._changed)
        for field in ("model", "depth_by", "depth_map"):
            bind.follow(self._make.form, field, self._changed)

    def offer_from(self, desk: AdditionsDesk) -> None:
        """Offers the depth models that the desk finds, which looks as soon as a model keeps depth."""
        self._desk = desk
        bind.follow(desk.additions, "found", self._take)

    def _take(self, found: Found) -> None:
        self._found = found
        self._changed()

    def _changed(self, _: object = None) -> None:
        model = self._make.models.get(self._make.form.model)
        keeps = model is not None and model.takes_depth
        for widget in (self._name, self.box):
            widget.setVisible(keeps)
        if model is None or not keeps:
            return
        if self._found.depth_folder is None and self._desk is not None:
            self._desk.refresh()
        self._begin(model)
        self._offer(model)

    def _begin(self, model: ModelChoice) -> None:
        form = self._make.form
        settled = model.finds_depth or form.depth_by or form.depth_map
        if not settled and self._found.depth_folder is not None:
            form.depth_by = next(iter(self._found.depth_models), ROUGH_DEPTH)

    def _offer(self, model: ModelChoice) -> None:
        form = self._make.form
        self.box.clear()
        for key, words in depth.ways(model, self._found.depth_models, form.depth_by).items():
            self.box.addItem(words, key)
        if form.depth_map is not None:
            self.box.addItem(form.depth_map.name, _MAP)
        self.box.addItem(tr("Choose a depth map"), _CHOOSE)
        chosen = _MAP if form.depth_map is not None else form.depth_by
        usual = self.box.findData(ROUGH_DEPTH)
        self.box.setCurrentIndex(found if (found := self.box.findData(chosen)) >= 0 else usual)
        tip = tr("By what the start picture's depth is found, or a map of it: near is white (depth to image)")
        better = tr("A depth model of yours finds it better: put its folder into {folder}",
                    folder=self._found.depth_folder or "")  # fmt: skip
        rough = self.box.currentData() == ROUGH_DEPTH
        self.box.setToolTip("\n".join((self.box.currentText(), tip, *((better,) if rough else ()))))

    def _choose(self, index: int) -> None:
        key = self.box.itemData(index)
        if key == _CHOOSE:
            self._ask()
        elif key != _MAP:
            self._make.form.use_depth(key, None)
        self._changed()

    def _ask(self) -> None:
        patterns = " ".join(f"*{suffix}" for suffix in SUFFIXES)
        window: QWidget = self.box.window()
        words = tr("Pictures ({patterns})", patterns=patterns)
        path, _ = QFileDialog.getOpenFileName(window, tr("Depth map"), "", words)
        if path:
            self._make.bring_depth_map(Path(path))

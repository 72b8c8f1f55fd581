"""Width and height, with aspect presets and swap."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QSizePolicy, QWidget

from backends.core.contract import MAX_SIDE, MIN_SIDE
from desktop.model.form import ASPECTS, ModelChoice, sides_for
from desktop.model.language import tr
from desktop.model.make import Make
from desktop.view import bind
from desktop.view.controls import CalmSpinBox, column, row
from desktop.view.icons import IconButton

_MULTIPLE = 8


class SideBox(CalmSpinBox):
    """A side in pixels. What is typed becomes the nearest multiple of 8."""

    def __init__(self, name: str) -> None:
        super().__init__(MIN_SIDE, MAX_SIDE, 64)
        self.setAccessibleName(name)
        self.setToolTip(tr("{name} in pixels, a multiple of {number}", name=name, number=_MULTIPLE))
        self.setKeyboardTracking(False)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def valueFromText(self, text: str) -> int:
        value = super().valueFromText(text)
        return max(MIN_SIDE, round(value / _MULTIPLE) * _MULTIPLE)

    def stepBy(self, steps: int) -> None:
        self.setSingleStep(64 if self.value() >= 256 else _MULTIPLE)
        super().stepBy(steps)


class SizeField(QWidget):
    """Presets keep the model's own number of pixels, whatever the shape."""

    def __init__(self, make: Make) -> None:
        super().__init__()
        self._make = make
        self.width_box, self.height_box = SideBox(tr("Width")), SideBox(tr("Height"))
        self.swap = IconButton("swap", tr("Swap width and height"))
        self.aspects = {name: self._aspect_button(name) for name in ASPECTS}
        self.swap.clicked.connect(make.form.swap_sides)
        times = QLabel("x")
        times.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout = column(spacing=8)
        layout.addLayout(row(*self.aspects.values(), self.swap, spacing=4))
        layout.addLayout(row(self.width_box, times, self.height_box))
        layout.setContentsMargins(0, 0, 0, 0)
        self.setLayout(layout)
        bind.number(self.width_box, make.form, "width")
        bind.number(self.height_box, make.form, "height")
        for field in ("width", "height", "model"):
            bind.follow(make.form, field, self._mark_aspect)

    def _aspect_button(self, name: str) -> QPushButton:
        button = QPushButton(name)
        button.setObjectName("aspect")
        button.setCheckable(True)
        button.setMinimumWidth(0)
        button.setAccessibleName(tr("Aspect {name}", name=name))
        button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        button.clicked.connect(partial(self._use, name))
        return button

    def _use(self, name: str) -> None:
        self._make.form.use_aspect(name, self._area())
        self._mark_aspect()

    def _area(self) -> int:
        choice: ModelChoice | None = self._make.models.get(self._make.form.model)
        return choice.defaults.width * choice.defaults.height if choice else 512 * 512

    def _mark_aspect(self, _: object = None) -> None:
        size = (self._make.form.width, self._make.form.height)
        for name, button in self.aspects.items():
            wanted = sides_for(*ASPECTS[name], self._area())
            button.setChecked(wanted == size)
            button.setToolTip(f"{wanted[0]} x {wanted[1]}")

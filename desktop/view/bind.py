"""Ties a widget to a field of the model: each shows the other, and neither echoes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QDoubleSpinBox,
    QPlainTextEdit,
    QSlider,
    QSpinBox,
)


def follow(model: Any, field: str, show: Callable[[Any], object]) -> None:
    """Calls `show` with the field's value, now and whenever it changes."""
    getattr(model.events, field).connect(lambda value: show(value))
    show(getattr(model, field))


def number(box: QSpinBox, model: Any, field: str) -> None:
    follow(model, field, box.setValue)
    box.valueChanged.connect(lambda value: setattr(model, field, value))


def decimal(box: QDoubleSpinBox, model: Any, field: str) -> None:
    follow(model, field, box.setValue)
    box.valueChanged.connect(lambda value: setattr(model, field, round(value, box.decimals())))


def slide(slider: QSlider, box: QDoubleSpinBox) -> None:
    """A slider of whole tenths beside a box, which may go further than the slider."""

    def follow_box(value: float) -> None:
        with QSignalBlocker(slider):
            slider.setValue(round(value * 10))

    box.valueChanged.connect(follow_box)
    slider.valueChanged.connect(lambda value: box.setValue(value / 10))
    follow_box(box.value())


def text(edit: QPlainTextEdit, model: Any, field: str) -> None:
    def show(value: str) -> None:
        if edit.toPlainText() != value:
            edit.setPlainText(value)

    follow(model, field, show)
    edit.textChanged.connect(lambda: setattr(model, field, edit.toPlainText()))


def choice(box: QComboBox, model: Any, field: str) -> None:
    """A combo box whose items' data are the field's values."""
    follow(model, field, lambda value: box.setCurrentIndex(box.findData(value)))
    box.activated.connect(lambda index: setattr(model, field, box.itemData(index)))


def toggle(button: QAbstractButton, model: Any, field: str) -> None:
    follow(model, field, button.setChecked)
    button.toggled.connect(lambda on: setattr(model, field, on))

"""Both themes can be read: WCAG 2.2's contrast, from the colours that the style sheet and the cells use.

4.5 : 1 for text (1.4.3), 3 : 1 for what a control can be recognised by (1.4.11).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import cast

import pytest
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QLineEdit, QPlainTextEdit, QWidget
from pytestqt.qtbot import QtBot

from desktop.view import theme
from desktop.view.app import wear_theme
from desktop.view.gallery import cell

TEXT, EDGE = 4.5, 3.0
THEMES = (theme.LIGHT, theme.DARK)
SURFACES = ("window", "panel", "field", "hover", "warning")
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_COLOUR = re.compile(r"\$([a-z_]+)")
_INPUTS = "QPlainTextEdit, QSpinBox, QDoubleSpinBox, QComboBox, QLineEdit"


def luminance(colour: QColor) -> float:
    """Relative luminance as WCAG defines it."""
    parts = (colour.redF(), colour.greenF(), colour.blueF())
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: QColor | str, other: QColor | str) -> float:
    """From 1 (the same) to 21 (black on white)."""
    dark, light = sorted((luminance(QColor(one)), luminance(QColor(other))))
    return (light + 0.05) / (dark + 0.05)


def over(top: QColor, below: str) -> QColor:
    """A colour that can be seen through, upon another."""
    alpha, under = top.alphaF(), QColor(below)
    pairs = ((top.redF(), under.redF()), (top.greenF(), under.greenF()), (top.blueF(), under.blueF()))
    return QColor.fromRgbF(*(above * alpha + beneath * (1 - alpha) for above, beneath in pairs))


def rules() -> Iterator[tuple[str, dict[str, str]]]:
    """Selectors and what they set, with the colours by their names in the theme."""
    for selectors, body in _RULE.findall(theme._SHEET.template):
        pairs = (part.split(":", 1) for part in body.split(";") if ":" in part)
        yield " ".join(selectors.split()), {name.strip(): value.strip() for name, value in pairs}


def named(value: str) -> str | None:
    found = _COLOUR.search(value)
    return found[1] if found else None


def poor(colours: theme.Colours, pairs: Mapping[str, tuple[str, str]], least: float) -> dict[str, float]:
    """Where the two colours are too much alike, and how much."""
    found = {
        where: round(contrast(getattr(colours, one), getattr(colours, other)), 2)
        for where, (one, other) in pairs.items()
    }
    return {where: value for where, value in found.items() if value < least}


def test_the_formula_is_wcags() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)
    assert contrast("#949494", "#ffffff") == pytest.approx(3.03, abs=0.01)


@pytest.mark.parametrize("colours", THEMES, ids=lambda each: each.name)
def test_text_can_be_read_on_every_surface(colours: theme.Colours) -> None:
    pairs = {f"{text} on {under}": (text, under) for text in ("text", "quiet") for under in SURFACES}
    pairs |= {"what is chosen": ("text", "selection"), "primary": ("on_accent", "accent")}
    assert poor(colours, pairs, TEXT) == {}


@pytest.mark.parametrize("colours", THEMES, ids=lambda each: each.name)
def test_rules_that_set_both_colours_can_be_read(colours: theme.Colours) -> None:
    pairs = {
        selectors: (text, under)
        for selectors, told in rules()
        if (text := named(told.get("color", ""))) and (under := named(told.get("background", "")))
    }
    assert len(pairs) > 5
    assert poor(colours, pairs, TEXT) == {}


def test_no_rule_writes_in_a_colour_for_edges() -> None:
    """Grey that can't be used now is the exception that WCAG makes, too."""
    written = {
        (selectors, named(told["color"]))
        for selectors, told in rules()
        if "color" in told and ":disabled" not in selectors
    }
    assert {name for _, name in written} <= {"text", "quiet", "on_accent"}, written


@pytest.mark.parametrize("colours", THEMES, ids=lambda each: each.name)
def test_edges_that_matter_can_be_seen(colours: theme.Colours) -> None:
    grounds = ("window", "panel", "field")
    pairs = {f"{edge} on {under}": (edge, under) for edge in ("strong_edge", "accent") for under in grounds}
    assert poor(colours, pairs, EDGE) == {}


def test_what_is_typed_into_and_switched_has_such_an_edge() -> None:
    told = dict(rules())
    assert named(told[_INPUTS]["border-bottom"]) == "strong_edge"
    (switch,) = (
        each for name, each in told.items() if name == "QCheckBox::indicator, QRadioButton::indicator"
    )
    assert named(switch["border"]) == "strong_edge"
    assert named(told["QSlider::groove:horizontal"]["background"]) == "strong_edge"
    assert named(told["QScrollBar::handle"]["background"]) == "strong_edge"


def test_the_focus_can_be_seen_on_every_kind_of_control() -> None:
    focus = {name: each for selectors, each in rules() for name in selectors.split(", ") if ":focus" in name}
    kinds = ("QPlainTextEdit", "QSpinBox", "QDoubleSpinBox", "QComboBox", "QLineEdit", "QPushButton")
    for kind in (*kinds, "QToolButton", "QCheckBox", "QRadioButton", "#primary", "#tab", "#screen", "#flat"):
        edge = focus[f"{kind}:focus"]
        shown = edge.get("border", edge.get("border-bottom", ""))
        assert named(shown) in ("accent", "text"), kind
    assert named(focus["QSlider::handle:horizontal:focus"]["background"]) == "accent"


@pytest.mark.parametrize("colours", THEMES, ids=lambda each: each.name)
@pytest.mark.parametrize("kind", [QLineEdit, QPlainTextEdit])
def test_hints_in_empty_fields_can_be_read(qtbot: QtBot, kind: type[QWidget], colours: theme.Colours) -> None:
    """Qt's own hints are the text at half its strength."""
    wear_theme(cast(QApplication, QApplication.instance()), colours)
    field = kind()
    qtbot.addWidget(field)
    field.ensurePolished()
    hint = field.palette().color(QPalette.ColorRole.PlaceholderText)
    assert contrast(over(hint, colours.field), colours.field) >= TEXT


@pytest.mark.parametrize("picture", ["#ffffff", "#000000", "#d08b4c"])
def test_marks_on_a_picture_can_be_seen_whatever_it_shows(picture: str) -> None:
    shade = over(cell._SHADE, picture)
    assert contrast(shade, cell._ON_SHADE) >= TEXT
    assert contrast(shade, theme.DARK.accent) >= EDGE

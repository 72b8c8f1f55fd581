"""The look: two palettes, one style sheet, and following the system between dark and light."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from string import Template

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication

ICONS = Path(__file__).parent.parent / "resources" / "icons"
GRID = 8
MARGIN = 16
CONTROL = 30
SCROLL_BAR = 10


@dataclass(frozen=True)
class Colours:
    """One theme. Text on window, panel and field reaches 4.5 : 1, edges 3 : 1 where they carry meaning."""

    name: str
    window: str
    panel: str
    field: str
    hover: str
    edge: str
    strong_edge: str
    text: str
    quiet: str
    accent: str
    accent_hover: str
    on_accent: str
    warning: str
    selection: str


DARK = Colours(
    name="dark",
    window="#1c1b1a",
    panel="#262423",
    field="#34312f",
    hover="#3f3b38",
    edge="#3a3634",
    strong_edge="#857d76",
    text="#ece7e1",
    quiet="#ada59d",
    accent="#d08b4c",
    accent_hover="#dc9a5d",
    on_accent="#1c1510",
    warning="#4a3524",
    selection="#6b4a2b",
)
LIGHT = Colours(
    name="light",
    window="#f6f3ee",
    panel="#ffffff",
    field="#ece7df",
    hover="#e2dbd0",
    edge="#e0d9ce",
    strong_edge="#8b8277",
    text="#24211e",
    quiet="#655e56",
    accent="#b87333",
    accent_hover="#c5803f",
    on_accent="#140d06",
    warning="#fbe6d0",
    selection="#efd3b4",
)


def of_system(app: QApplication) -> Colours:
    """The theme that the system asks for; dark where it doesn't say."""
    light = app.styleHints().colorScheme() == Qt.ColorScheme.Light
    return LIGHT if light else DARK


def chosen(app: QApplication, name: str) -> Colours:
    """The theme of this name; "system" is the one that the system asks for."""
    return {"light": LIGHT, "dark": DARK}.get(name) or of_system(app)


def apply(app: QApplication, colours: Colours) -> None:
    """Dresses the whole application. Can be called again with the other theme."""
    app.setStyle("Fusion")
    app.setFont(body_font())
    app.setPalette(_palette(colours))
    app.setStyleSheet(_SHEET.substitute(asdict(colours), icons=ICONS.as_posix()))
    app.setProperty("colours", colours)


def current(app: QApplication | None = None) -> Colours:
    """The theme in use."""
    found = (app or QApplication.instance()).property("colours")  # pyright: ignore[reportOptionalMemberAccess]
    return found if isinstance(found, Colours) else DARK


def body_font() -> QFont:
    """The system's font at 13 px, with figures of one width."""
    return _sized(QApplication.font(), 13)


def quiet_font() -> QFont:
    return _sized(QApplication.font(), 11)


def title_font() -> QFont:
    return _sized(QApplication.font(), 20)


def _sized(base: QFont, pixels: int) -> QFont:
    font = QFont(base)
    font.setPixelSize(pixels)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def _palette(colours: Colours) -> QPalette:
    roles = {
        QPalette.ColorRole.Window: colours.window,
        QPalette.ColorRole.Base: colours.field,
        QPalette.ColorRole.AlternateBase: colours.panel,
        QPalette.ColorRole.Button: colours.field,
        QPalette.ColorRole.WindowText: colours.text,
        QPalette.ColorRole.Text: colours.text,
        QPalette.ColorRole.ButtonText: colours.text,
        QPalette.ColorRole.PlaceholderText: colours.quiet,
        QPalette.ColorRole.ToolTipBase: colours.panel,
        QPalette.ColorRole.ToolTipText: colours.text,
        QPalette.ColorRole.Highlight: colours.accent,
        QPalette.ColorRole.HighlightedText: colours.on_accent,
        QPalette.ColorRole.Accent: colours.accent,
    }
    palette = QPalette()
    for role, colour in roles.items():
        palette.setColor(role, QColor(colour))
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText, QPalette.ColorRole.WindowText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(colours.strong_edge))
    return palette


_SHEET = Template("""
QWidget { color: $text; }
QMainWindow, #canvas, #stage { background: $window; }
#bar { background: $panel; border-bottom: 1px solid $edge; }
#left, #leftBody, #leftFoot { background: $panel; }
#leftFoot[over="true"] { border-top: 1px solid $edge; }
#left { border-right: 1px solid $edge; }
#right { background: $panel; border-left: 1px solid $edge; }
#below { background: $panel; border-top: 1px solid $edge; }
#quiet { color: $quiet; }
#badge { color: $quiet; border: 1px solid $edge; border-radius: 9px; padding: 1px 8px; font-size: 11px; }
#screen { background: transparent; border: 1px solid transparent; color: $quiet; padding: 0 10px; }
#screen:hover { background: $hover; color: $text; }
#screen:checked { color: $text; background: $field; border: 1px solid $strong_edge; font-weight: normal; }
#screen:focus { border: 1px solid $accent; }
#tabs { background: $window; }
#tab {
    background: transparent; color: $quiet;
    border: none; border-bottom: 2px solid transparent; border-radius: 0;
}
#tab:hover { color: $text; }
#tab:checked { color: $text; border-bottom: 2px solid $accent; font-weight: normal; }
#tab:focus { color: $text; background: $field; border-bottom: 2px solid $accent; }
#warningText { color: $text; background: $warning; border-radius: 6px; padding: 6px 8px; }
#chip { padding: 0 8px; min-height: 22px; max-height: 22px; border-radius: 11px; }
QTableWidget { background: $panel; border: none; border-top: 1px solid $edge; }
QHeaderView, QHeaderView::section, QTableCornerButton::section {
    background: $panel; color: $quiet; border: none; padding: 4px 8px;
}
#grid { background: $window; border: none; }
#places { background: transparent; }
#places::item { padding: 6px 4px; border-radius: 6px; }
#places::item:selected { background: $selection; color: $text; }
#places::item:disabled { color: $quiet; padding-top: 14px; }
#places:focus { border: none; }
#places::item:selected:focus { border: 1px solid $accent; }
#caption { color: $quiet; }
QToolTip { background: $panel; color: $text; border: 1px solid $strong_edge; padding: 4px 6px; }

QPlainTextEdit, QSpinBox, QDoubleSpinBox, QComboBox, QLineEdit {
    background: $field; color: $text; border: 1px solid $edge; border-bottom: 1px solid $strong_edge;
    border-radius: 6px; padding: 0 8px; placeholder-text-color: $quiet;
    selection-background-color: $selection; selection-color: $text;
}
QSpinBox QLineEdit, QDoubleSpinBox QLineEdit { background: transparent; border: none; padding: 0; }
QPlainTextEdit { padding: 4px; }
QLineEdit { padding: 0 6px; }
QSpinBox, QDoubleSpinBox, QComboBox, QLineEdit { min-height: 28px; max-height: 28px; }
QPlainTextEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus, QLineEdit:focus,
QComboBox:on { border: 1px solid $accent; }
QSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::up-button, QDoubleSpinBox::down-button {
    width: 18px; border: none; background: transparent;
}
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow {
    image: url($icons/$name/up.svg); width: 12px; height: 12px;
}
QSpinBox::down-arrow, QDoubleSpinBox::down-arrow {
    image: url($icons/$name/down.svg); width: 12px; height: 12px;
}
QComboBox::drop-down { border: none; width: 24px; }
QComboBox::down-arrow { image: url($icons/$name/down.svg); width: 16px; height: 16px; }
QComboBox QAbstractItemView {
    background: $panel; border: 1px solid $strong_edge; outline: none; padding: 4px;
    selection-background-color: $accent; selection-color: $on_accent;
}
QComboBox QAbstractItemView::item { min-height: 26px; }

QPushButton, QToolButton {
    background: $field; border: 1px solid $edge; border-radius: 6px; padding: 0 10px;
    min-height: 28px; max-height: 28px;
}
QToolButton { padding: 0; min-width: 28px; }
QPushButton:hover, QToolButton:hover { background: $hover; }
QPushButton:focus, QToolButton:focus { border: 1px solid $accent; }
QPushButton:checked, QToolButton:checked { border: 1px solid $accent; font-weight: 600; }
QPushButton:disabled { color: $strong_edge; }
QToolButton::menu-indicator { image: none; }
#flat { background: transparent; border: 1px solid transparent; }
#flat:hover { background: $hover; }
#flat:focus { border: 1px solid $accent; }
#corner {
    background: $panel; border: 1px solid $edge; border-radius: 5px; padding: 0;
    min-width: 18px; max-width: 18px; min-height: 18px; max-height: 18px;
}
#corner:hover { background: $hover; }
#corner:focus { border: 1px solid $accent; }
#guide { border: none; border-bottom: 1px solid $edge; }
#fold { background: transparent; border: 1px solid transparent; padding: 0; text-align: left; color: $quiet; }
#fold:hover { color: $text; }
#fold:focus { border: 1px solid $accent; }
#aspect { padding: 0 2px; font-size: 12px; }
#primary {
    background: $accent; color: $on_accent; border: 1px solid $accent; font-weight: 600; font-size: 14px;
    padding: 0 20px; min-height: 38px; max-height: 38px;
}
#primary:hover { background: $accent_hover; }
#primary:focus { border: 2px solid $text; }

#page { background: $window; }
#section { background: $panel; border: 1px solid $edge; border-radius: 8px; }
#queue { background: transparent; }
#queue::item { background: $panel; border: 1px solid $edge; border-radius: 8px; }
#queue::item:selected { border: 1px solid $accent; }
QCheckBox, QRadioButton { spacing: 8px; border: 1px solid transparent; border-radius: 6px; padding: 0 4px; }
QCheckBox:focus, QRadioButton:focus { border: 1px solid $accent; }
QCheckBox::indicator, QRadioButton::indicator {
    width: 16px; height: 16px; background: $field; border: 1px solid $strong_edge; border-radius: 4px;
}
QRadioButton::indicator { border-radius: 9px; }
QCheckBox::indicator:checked, QRadioButton::indicator:checked {
    background: $accent; border: 1px solid $accent; image: url($icons/$name/check.svg);
}
QRadioButton::indicator:checked { image: url($icons/$name/dot.svg); }
#note { background: $panel; border-bottom: 1px solid $edge; }
#drop {
    border: 1px dashed $strong_edge; background: transparent; color: $quiet; font-size: 12px; padding: 0 6px;
}
#drop:hover { background: $field; color: $text; }
#drop[over="true"] { border: 1px solid $accent; background: $field; color: $text; }
#dropVeil { background: $panel; color: $text; border: 2px dashed $accent; border-radius: 12px; }
#problem { background: $warning; border-bottom: 1px solid $accent; }
QProgressBar { background: $field; border: none; border-radius: 3px; min-height: 6px; max-height: 6px; }
QProgressBar::chunk { background: $accent; border-radius: 3px; }
QSlider { min-height: 28px; }
QSlider::groove:horizontal { height: 4px; background: $strong_edge; border-radius: 2px; }
QSlider::sub-page:horizontal { background: $accent; border-radius: 2px; }
QSlider::handle:horizontal {
    background: $text; width: 14px; height: 14px; margin: -5px 0; border-radius: 7px;
}
QSlider::handle:horizontal:focus { background: $accent; }

QScrollArea { border: none; background: transparent; }
QListView { background: transparent; border: none; outline: none; }
QMenu { background: $panel; border: 1px solid $strong_edge; padding: 4px; }
QMenu::item { padding: 6px 24px 6px 12px; border-radius: 4px; }
QMenu::item:selected { background: $accent; color: $on_accent; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 2px; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 2px; }
QScrollBar::handle { background: $strong_edge; border-radius: 3px; min-height: 24px; min-width: 24px; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
""")

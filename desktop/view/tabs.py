"""The tabs under the picture: one line each. What a tab shows is built when it is first opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QPushButton, QStackedWidget, QWidget

from desktop.model.language import tr
from desktop.view import theme

if TYPE_CHECKING:
    from desktop.view.app import Workshop


@dataclass(frozen=True)
class Tab:
    """A way to look at the picture. `tip` says in a few words what there is to see."""

    id: str
    title: str
    tip: str
    build: Callable[[Workshop], QWidget]


def _picture(workshop: Workshop) -> QWidget:
    return workshop.window.make_screen.canvas


def _inside(workshop: Workshop) -> QWidget:
    from desktop.view.inside.panel import build

    return build(workshop)


def _compare(workshop: Workshop) -> QWidget:
    from desktop.view.compare_tab import CompareTab

    return CompareTab(workshop)


def _plot(workshop: Workshop) -> QWidget:
    from desktop.view.plot_tab import PlotTab

    return PlotTab(workshop)


TABS: tuple[Tab, ...] = (
    Tab("picture", "Picture", "The picture, and its preview while it is made", _picture),
    Tab("inside", "Inside", "How the picture came to be, step by step", _inside),
    Tab("compare", "Compare", "Two to four pictures side by side, and what differs", _compare),
    Tab("plot", "Plot", "A picture for each pair of values of two settings, on one sheet", _plot),
)


class TabBar(QFrame):
    """The tabs' names, one of them chosen. `chosen` says which (its id)."""

    chosen = Signal(str)

    def __init__(self, tabs: tuple[Tab, ...]) -> None:
        super().__init__()
        self.setObjectName("tabs")
        self.buttons = {tab.id: _button(tab) for tab in tabs}
        self._group = QButtonGroup(self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.MARGIN, theme.GRID // 2, theme.MARGIN, theme.GRID // 2)
        layout.setSpacing(4)
        layout.addStretch(1)
        for name, button in self.buttons.items():
            self._group.addButton(button)
            layout.addWidget(button)
            button.toggled.connect(lambda on, name=name: self.chosen.emit(name) if on else None)
        layout.addStretch(1)
        if len(tabs) < 2:
            self.hide()


class TabStack(QStackedWidget):
    """What the chosen tab shows."""

    def __init__(self, workshop: Workshop, tabs: tuple[Tab, ...]) -> None:
        super().__init__()
        self._workshop = workshop
        self._tabs = {tab.id: tab for tab in tabs}
        self.built: dict[str, QWidget] = {}

    def show_tab(self, name: str) -> None:
        """Shows a tab, which is built now if it never was."""
        if name not in self.built:
            self.built[name] = self._tabs[name].build(self._workshop)
            self.addWidget(self.built[name])
        self.setCurrentWidget(self.built[name])


def _button(tab: Tab) -> QPushButton:
    title = tr(tab.title)
    button = QPushButton(title)
    button.setObjectName("tab")
    button.setCheckable(True)
    button.setToolTip(tr(tab.tip))
    button.setMinimumWidth(button.fontMetrics().horizontalAdvance(title) + 40)  # the chosen one is bold
    return button

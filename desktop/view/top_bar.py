"""The bar at the top: the screens, what makes the pictures, that nothing leaves the computer, the menu."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QLabel, QMenu, QPushButton, QToolButton

from desktop.model.language import tr
from desktop.view import bind, theme
from desktop.view.icons import IconButton, wear
from desktop.view.screens import Screen

if TYPE_CHECKING:
    from desktop.view.app import Workshop


class TopBar(QFrame):
    """`chosen` says which screen the person wants (its id)."""

    chosen = Signal(str)

    def __init__(self, workshop: Workshop, screens: Sequence[Screen]) -> None:
        super().__init__()
        self.setObjectName("bar")
        self.setFixedHeight(48)
        self.engine = QLabel()
        self.engine.setObjectName("quiet")
        self.offline = QLabel(tr("Offline"))
        self.offline.setObjectName("badge")
        self.offline.setFixedHeight(20)
        self.offline.setToolTip(tr("Mezzotint works on this computer alone: it uses no network"))
        self.left = _side_button("left_panel", tr("Settings"), "Ctrl+1")
        self.right = _side_button("right_panel", tr("Recent pictures"), "Ctrl+2")
        self.menu_button = IconButton("menu", tr("Menu"), flat=True)
        self.menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self.menu_button)
        self.menu_button.setMenu(self.menu)
        self.buttons: dict[str, QPushButton] = {}
        self._group = QButtonGroup(self)
        self._lay_out(workshop, screens)
        bind.follow(workshop.make.studio, "engine", self.engine.setText)
        bind.follow(workshop.settings, "offline", self.offline.setVisible)

    def mark(self, name: str) -> None:
        """Shows which screen is open; the side panels are the Make screen's."""
        self._group.setExclusive(name in self.buttons)
        for each, button in self.buttons.items():
            button.setChecked(each == name)
        self.left.setVisible(name == "make")
        self.right.setVisible(name == "make")

    def _lay_out(self, workshop: Workshop, screens: Sequence[Screen]) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.GRID, 0, theme.GRID, 0)
        layout.setSpacing(4)
        for screen in screens:
            if screen.place == "menu":
                self._add_to_menu(screen)
            else:
                layout.addWidget(self._button(workshop, screen))
        layout.addStretch(1)
        layout.addWidget(self.engine)
        layout.addSpacing(theme.GRID)
        layout.addWidget(self.offline)
        layout.addSpacing(theme.GRID)
        for button in (self.left, self.right, self.menu_button):
            layout.addWidget(button)
        self.menu.addAction(tr("Quit"), workshop.window.close)

    def _add_to_menu(self, screen: Screen) -> None:
        action = self.menu.addAction(tr(screen.title), partial(self.chosen.emit, screen.id))
        if screen.keys:
            action.setShortcut(QKeySequence(screen.keys))

    def _button(self, workshop: Workshop, screen: Screen) -> QPushButton:
        title = tr(screen.title)
        button = QPushButton(title)
        button.setObjectName("screen")
        button.setCheckable(True)
        wear(button, screen.icon)
        button.clicked.connect(partial(self.chosen.emit, screen.id))
        if screen.keys:
            shown = QKeySequence(screen.keys).toString(QKeySequence.SequenceFormat.NativeText)
            button.setShortcut(QKeySequence(screen.keys))
            button.setToolTip(f"{title} ({shown})")
        if screen.count is not None:
            screen.count(workshop, lambda n: button.setText(f"{title} ({n})" if n else title))
        self._group.addButton(button)
        self.buttons[screen.id] = button
        return button


def _side_button(icon: str, words: str, keys: str) -> IconButton:
    shown = QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
    button = IconButton(icon, tr("Show or hide: {words} ({keys})", words=words, keys=shown), flat=True)
    button.setCheckable(True)
    button.setChecked(True)
    button.setShortcut(QKeySequence(keys))
    return button

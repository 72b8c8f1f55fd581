"""Gives actions their keys, and other keys as soon as the person wants others."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from desktop.model.keys import ACTIONS, keys_for
from desktop.model.language import tr
from desktop.model.settings import Settings


class KeyBinder:
    """The keys work while `place` is shown. Qt gives plain letters to a text field that has the focus."""

    def __init__(self, place: QWidget, settings: Settings) -> None:
        self._place, self._settings = place, settings
        self.shortcuts: dict[str, QShortcut] = {}
        self._changed: list[Callable[[], None]] = []
        settings.events.keys.connect(lambda _: self._renew())

    def bind(self, action: str, act: Callable[[], object]) -> None:
        """The action (see model.keys) does this."""
        shortcut = QShortcut(self._place)
        shortcut.activated.connect(act)
        self.shortcuts[action] = shortcut
        shortcut.setKeys(sequences(keys_for(action, self._settings)))

    def describe(self, action: str, show: Callable[[str], object]) -> None:
        """Calls `show` with what the action does and its keys, now and whenever they change."""

        def describe() -> None:
            words = tr(ACTIONS[action].words)
            show(f"{words} ({shown(keys_for(action, self._settings))})")

        self._changed.append(describe)
        describe()

    def _renew(self) -> None:
        for action, shortcut in self.shortcuts.items():
            shortcut.setKeys(sequences(keys_for(action, self._settings)))
        for describe in self._changed:
            describe()


def sequences(keys: str) -> list[QKeySequence]:
    """The keys, and for Return the other key that says Enter."""
    other = [keys.replace("Return", "Enter")] if "Return" in keys else []
    return [QKeySequence(each) for each in (keys, *other)]


def shown(keys: str) -> str:
    """The keys as this system's people read them."""
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)

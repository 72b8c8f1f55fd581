"""The window's screens: one line each. A screen is built when it is first shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from PySide6.QtWidgets import QWidget

from desktop.view import bind

if TYPE_CHECKING:
    from desktop.view.app import Workshop

Show = Callable[[int], None]


@dataclass(frozen=True)
class Screen:
    """A screen as the top bar, or its menu, offers it.

    `icon` is a name in resources/icons. `count` tells the function it is given how many there are,
    now and whenever that changes; the number stands beside the title.
    """

    id: str
    title: str
    icon: str
    build: Callable[[Workshop], QWidget]
    place: Literal["bar", "menu"] = "bar"
    keys: str = ""
    count: Callable[[Workshop, Show], None] | None = None


def _make(workshop: Workshop) -> QWidget:
    return workshop.window.make_screen


def _gallery(workshop: Workshop) -> QWidget:
    from desktop.view.gallery.screen import GalleryScreen

    return GalleryScreen(workshop)


def _prompts(workshop: Workshop) -> QWidget:
    from desktop.view.prompts_screen import PromptsScreen

    return PromptsScreen(workshop)


def _models(workshop: Workshop) -> QWidget:
    from desktop.view.models.screen import ModelsScreen

    return ModelsScreen(workshop)


def _count_models(workshop: Workshop, show: Show) -> None:
    """What goes on there, and what asks: conversions and imports."""
    models = workshop.models_room.desk.models
    bind.follow(models, "chores", lambda chores: show(sum(each.is_news for each in chores)))


def _queue(workshop: Workshop) -> QWidget:
    from desktop.view.queue_screen import QueueScreen

    return QueueScreen(workshop)


def _count_queue(workshop: Workshop, show: Show) -> None:
    queue = workshop.make.queue
    bind.follow(queue, "entries", lambda entries: show(len(entries)))


def _settings(workshop: Workshop) -> QWidget:
    from desktop.view.settings_screen import SettingsScreen

    return SettingsScreen(workshop)


def _keys(workshop: Workshop) -> QWidget:
    from desktop.view.keys_screen import KeysScreen

    return KeysScreen(workshop)


SCREENS: tuple[Screen, ...] = (
    Screen("make", "Make", "make", _make, keys="Alt+1"),
    Screen("gallery", "Gallery", "gallery", _gallery, keys="Alt+2"),
    Screen("prompts", "Prompts", "prompts", _prompts, keys="Alt+3"),
    Screen("models", "Models", "models", _models, keys="Alt+4", count=_count_models),
    Screen("queue", "Queue", "queue", _queue, keys="Alt+5", count=_count_queue),
    Screen("settings", "Settings", "settings", _settings, place="menu"),
    Screen("keys", "Keys", "keys", _keys, place="menu"),
)

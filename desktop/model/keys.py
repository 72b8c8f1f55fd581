"""The keys: one table of what can be done with them, which the person may change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from desktop.model.gallery_keys import GALLERY_KEYS
from desktop.model.language import tr
from desktop.model.settings import Settings


@dataclass(frozen=True)
class Action:
    """Something that has keys: where it works, what it does, and its keys at first (as Qt writes them).

    `fixed` keys belong to a field and are listed only.
    """

    place: str
    words: str
    keys: str
    fixed: bool = False


_MAKE, _PROMPT, _GALLERY, _QUEUE, _EVERYWHERE = "Make", "In a prompt", "Gallery", "Queue", "Everywhere"

ACTIONS: Mapping[str, Action] = {
    "generate": Action(_MAKE, "Generate, or add to the queue", "Ctrl+Return"),
    "generate_first": Action(_MAKE, "Generate at the front of the queue", "Ctrl+Shift+Return"),
    "stop": Action(_MAKE, "Stop; again: at once", "Esc"),
    "settings": Action(_MAKE, "Show all settings, or the usual ones", "A"),
    "seed": Action(_MAKE, "Go to the seed", "S"),
    "prompt": Action(_MAKE, "Go to the prompt", "P"),
    "remix": Action(_MAKE, "Fill in the picture's settings, with a new seed", "R"),
    "vary": Action(_MAKE, "Make another with the picture's settings", "V"),
    "paste": Action(_MAKE, "Start from the copied picture", "Ctrl+V"),
    "older": Action(_PROMPT, "An older prompt, or a newer one", "Alt+Up, Alt+Down", fixed=True),
    "weight": Action(_PROMPT, "The selected words count more, or less", "Ctrl+Up, Ctrl+Down", fixed=True),
    "queue_move": Action(_QUEUE, "Move the job up or down", "Alt+Up, Alt+Down", fixed=True),
    "queue_cancel": Action(_QUEUE, "Cancel the job, or remove it", "Del", fixed=True),
    "queue_again": Action(_QUEUE, "Try a failed job again", "Return", fixed=True),
    **{name: Action(_GALLERY, words, keys) for name, (keys, words) in GALLERY_KEYS.items()},
    "keys": Action(_EVERYWHERE, "List the keys", "?"),
    "prompts": Action(_EVERYWHERE, "Open the prompts of before", "Ctrl+H"),
    "open_settings": Action(_EVERYWHERE, "Open the settings", "Ctrl+,"),
}


def keys_for(action: str, settings: Settings) -> str:
    """The keys that an action has now, as Qt writes them."""
    return settings.keys.get(action, ACTIONS[action].keys)


def rebind(action: str, keys: str, settings: Settings) -> str | None:
    """Gives an action other keys, or back its own where `keys` is empty; else a sentence says why not."""
    wanted = keys or ACTIONS[action].keys
    if (other := _taken(action, wanted, settings)) is not None:
        return tr("{keys} is taken: {words}.", keys=wanted, words=tr(ACTIONS[other].words))
    kept = {name: value for name, value in settings.keys.items() if name != action}
    settings.keys = kept if wanted == ACTIONS[action].keys else {**kept, action: wanted}
    return None


def _taken(action: str, keys: str, settings: Settings) -> str | None:
    """Another action that has these keys in the same place, or everywhere."""
    place = ACTIONS[action].place
    for name, other in ACTIONS.items():
        together = other.place == place or _EVERYWHERE in (place, other.place)
        if name != action and together and not other.fixed and keys_for(name, settings) == keys:
            return name
    return None

"""Prompts that leave a choice: {red|blue} and __animal__, decided by the picture's seed.

`{2::red|blue}` makes red twice as likely, `{2$$red|blue|green}` takes two, joined by ", ", and
`{2$$ and $$red|blue|green}` by " and "; `{1-2$$...}` one or two. `__animal__` is a line of animal.txt, which
may hold choices again. These are the forms of dynamicprompts, whose last release is of March 2024. Braces
without "|" or "$$" are text. Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

from backends.core.contract import InvalidRequest

_INNERMOST = re.compile(r"\{([^{}]*)\}")
_WILDCARD = re.compile(r"__([\w\-. /]+?)__")
_COUNT = re.compile(r"(\d+)(?:-(\d+))?\$\$(?:([^$|]*)\$\$)?")
_ODDS = re.compile(r"\s*(\d+(?:\.\d+)?)::")
_MOST_CHOICES = 1000
_OPEN, _CLOSE = "\ue000", "\ue001"
"""Stand for braces that are text while the others are resolved."""

Lines = Callable[[str], list[str]]
"""The lines of a wildcard's file, by its name."""


def resolve(template: str, seed: int, lines: Lines) -> str:
    """The prompt that this seed makes of a template. Raises InvalidRequest for an unknown wildcard."""
    chance, text = Random(seed), template
    for _ in range(_MOST_CHOICES):
        text, changed = _once(text, chance, lines)
        if not changed:
            return text.replace(_OPEN, "{").replace(_CLOSE, "}")
    raise InvalidRequest("The prompt's choices never end.", "Look for a wildcard that names itself.")


def wildcards_in(text: str) -> tuple[str, ...]:
    """The lists that the text names, each once."""
    return tuple(dict.fromkeys(_WILDCARD.findall(text)))


def _once(text: str, chance: Random, lines: Lines) -> tuple[str, bool]:
    """One choice decided, the first of the innermost; wildcards outside braces after those."""
    if match := _INNERMOST.search(text):
        return text[: match.start()] + _choose(match[1], chance) + text[match.end() :], True
    if match := _WILDCARD.search(text):
        return text[: match.start()] + chance.choice(lines(match[1])) + text[match.end() :], True
    return text, False


def _choose(inside: str, chance: Random) -> str:
    count = _COUNT.match(inside)
    if count is None and "|" not in inside:
        return _OPEN + inside + _CLOSE
    low, high, between = 1, 1, ", "
    if count is not None:
        low, high = int(count[1]), int(count[2] or count[1])
        between, inside = (", " if count[3] is None else count[3]), inside[count.end() :]
    options = inside.split("|")
    wanted = min(chance.randint(min(low, high), max(low, high)), len(options))
    return between.join(_take(options, wanted, chance))


def _take(options: list[str], wanted: int, chance: Random) -> list[str]:
    """So many different options, in the order drawn."""
    left, taken = list(options), list[str]()
    for _ in range(wanted):
        odds = [float(match[1]) if (match := _ODDS.match(option)) else 1.0 for option in left]
        (at,) = chance.choices(range(len(left)), odds if any(odds) else None)
        taken.append(_ODDS.sub("", left.pop(at), count=1))
    return taken

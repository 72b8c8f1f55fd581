"""One person of a pose that is being edited: where each joint is, and which are not shown."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from backends.core.contract.pose import KEY_POINTS, Figure, Point
from desktop.model.pose_presets import PRESETS, Preset

NECK = KEY_POINTS.index("neck")
HIPS = frozenset(number for number, name in enumerate(KEY_POINTS) if name.endswith(" hip"))
_OTHER_SIDE = {"left": "right", "right": "left"}
_TALL, _WIDE = 0.84, 0.9
"""How much of the picture a new person takes at most."""


def _mirrored(name: str) -> str:
    side, _, part = name.partition(" ")
    return f"{_OTHER_SIDE[side]} {part}" if part else name


_SWAPPED = tuple(KEY_POINTS.index(_mirrored(name)) for name in KEY_POINTS)


@dataclass(frozen=True)
class Person:
    """`places` are all of KEY_POINTS, in pixels; those in `hidden` are left out of the pose."""

    places: tuple[Point, ...]
    hidden: frozenset[int] = frozenset()

    @property
    def shown(self) -> tuple[int, ...]:
        """Numbers of the joints that are shown."""
        return tuple(number for number in range(len(self.places)) if number not in self.hidden)

    @property
    def figure(self) -> Figure:
        """As a pose has it."""
        return tuple(None if number in self.hidden else at for number, at in enumerate(self.places))

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The rectangle around what is shown: left, above, right, below."""
        return _around(self.places[number] for number in self.shown)

    @property
    def middle(self) -> Point:
        """Of that rectangle."""
        left, above, right, below = self.box
        return (left + right) / 2, (above + below) / 2

    @property
    def torso(self) -> float:
        """How far it is from the neck to between the hips."""
        (x, y), hips = self.places[NECK], [self.places[number] for number in HIPS]
        return math.hypot(x - sum(a for a, _ in hips) / 2, y - sum(b for _, b in hips) / 2)

    def move_joint(self, joint: int, to: Point) -> Person:
        """This joint is elsewhere."""
        return replace(self, places=tuple(to if n == joint else at for n, at in enumerate(self.places)))

    def move(self, by: Point) -> Person:
        """All of the person is elsewhere."""
        return replace(self, places=tuple((x + by[0], y + by[1]) for x, y in self.places))

    def scale(self, factor: float) -> Person:
        """Larger or smaller, around its middle."""
        x, y = self.middle
        return replace(
            self, places=tuple((x + (a - x) * factor, y + (b - y) * factor) for a, b in self.places)
        )

    def mirror(self) -> Person:
        """As in a mirror: what was its left is its right."""
        middle = self.middle[0]
        places = [(2 * middle - x, y) for x, y in self.places]
        hidden = frozenset(_SWAPPED[number] for number in self.hidden)
        return Person(tuple(places[_SWAPPED[number]] for number in range(len(places))), hidden)

    def show(self, joint: int, shown: bool) -> Person:
        """With or without a joint; the last one stays."""
        hidden = self.hidden - {joint} if shown else self.hidden | {joint}
        return self if len(hidden) == len(self.places) else replace(self, hidden=hidden)


def person_of(figure: Figure) -> Person:
    """The person of a pose. What it leaves out is hidden, and about where a standing one has it."""
    given = {number: at for number, at in enumerate(figure) if at is not None}
    guess = _beside(PRESETS["standing"].places, given)
    places = tuple(given.get(number, at) for number, at in enumerate(guess))
    return Person(places, frozenset(set(range(len(figure))) - set(given)))


def new_person(preset: Preset, size: tuple[int, int]) -> Person:
    """In the middle of a picture of this size, as large as there is room."""
    person = Person(preset.places, preset.hidden)
    left, above, right, below = person.box
    factor = min(_TALL * size[1] / (below - above), _WIDE * size[0] / (right - left))
    return put(person.scale(factor), (size[0] / 2, size[1] / 2))


def put(person: Person, middle: Point) -> Person:
    """The person with its middle there."""
    x, y = person.middle
    return person.move((middle[0] - x, middle[1] - y))


def _beside(places: tuple[Point, ...], given: dict[int, Point]) -> list[Point]:
    """All of `places`, moved and scaled so that those that are given lie about there."""
    theirs, ours = _around(given.values()), _around(places[number] for number in given)
    spans = [(theirs[axis + 2] - theirs[axis], ours[axis + 2] - ours[axis]) for axis in (0, 1)]
    factor = max((a / b for a, b in spans if b > 0), default=0.0) or max(1.0, theirs[2] / 4)
    x, y = theirs[0] - ours[0] * factor, theirs[1] - ours[1] * factor
    return [(x + a * factor, y + b * factor) for a, b in places]


def _around(places: Iterable[Point]) -> tuple[float, float, float, float]:
    """Left, above, right, below."""
    across, down = zip(*places, strict=True)
    return min(across), min(down), max(across), max(down)

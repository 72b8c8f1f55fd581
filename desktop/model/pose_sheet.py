"""A pose while it is being edited: its people, the joint that is chosen, and every act can be undone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from psygnal import SignalGroupDescriptor

from backends.core.contract.pose import MAX_PEOPLE, Point, Pose, fitted, pose_bytes, read_pose
from desktop.model.pose_person import HIPS, NECK, Person, new_person, person_of, put
from desktop.model.pose_presets import PRESETS

_MOST_UNDO = 100
_SMALLEST = 0.05
"""Of the picture's height: a person can't be made smaller."""
_ASIDE = 0.22


@dataclass(frozen=True)
class _State:
    people: tuple[Person, ...]
    person: int


@dataclass(kw_only=True)
class PoseSheet:
    """In pixels of a picture of this `size`. `person` and `joint` say which is chosen.

    `begin` before what is one act; the single acts do so themselves. `drawn` counts up with every change.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    size: tuple[int, int]
    people: tuple[Person, ...] = ()
    person: int = 0
    joint: int = NECK
    drawn: int = 0
    _before: list[_State] = field(default_factory=list[_State])
    _after: list[_State] = field(default_factory=list[_State])

    def __post_init__(self) -> None:
        self.people = self.people or (new_person(PRESETS["standing"], self.size),)

    @property
    def chosen(self) -> Person:
        return self.people[self.person]

    @property
    def at(self) -> Point:
        """Where the chosen joint is."""
        return self.chosen.places[self.joint]

    @property
    def can_undo(self) -> bool:
        return bool(self._before)

    @property
    def can_redo(self) -> bool:
        return bool(self._after)

    @property
    def can_add(self) -> bool:
        return len(self.people) < MAX_PEOPLE

    def to_bytes(self) -> bytes:
        """As a request has it."""
        width, height = self.size
        people = tuple(person.figure for person in self.people)
        return pose_bytes(Pose(people=people, canvas=(float(width), float(height))))

    def choose(self, person: int, joint: int) -> None:
        """Another joint, or another person's."""
        self.person, self.joint = person, joint
        self.drawn += 1

    def nearest(self, to: Point, within: float) -> tuple[int, int] | None:
        """The person and joint that are nearest to a place, the chosen one's first; None if none is near."""
        found = [
            ((x - to[0]) ** 2 + (y - to[1]) ** 2, number != self.person, number, joint)
            for number, person in enumerate(self.people)
            for joint, (x, y) in enumerate(person.places)
            if (x - to[0]) ** 2 + (y - to[1]) ** 2 <= within**2
        ]
        return min(found)[2:] if found else None

    # --- acts ---

    def begin(self) -> None:
        """What comes next is one act."""
        self._before = [*self._before[1 - _MOST_UNDO :], _State(self.people, self.person)]
        self._after = []

    def drag(self, to: Point) -> None:
        """Moves the chosen joint, as part of the act that was begun. It stays in the picture."""
        width, height = self.size
        inside = min(max(to[0], 0.0), float(width)), min(max(to[1], 0.0), float(height))
        self._change(self.chosen.move_joint(self.joint, inside))

    def drag_person(self, by: Point) -> None:
        """Moves the chosen person, as part of the act that was begun. Its middle stays in the picture."""
        (x, y), (width, height) = self.chosen.middle, self.size
        self._change(put(self.chosen, (min(max(x + by[0], 0), width), min(max(y + by[1], 0), height))))

    def scale(self, factor: float) -> None:
        """The chosen person is larger or smaller."""
        _, above, _, below = self.chosen.box
        if factor > 1 or (below - above) * factor >= _SMALLEST * self.size[1]:
            self._act(lambda person: person.scale(factor))

    def mirror(self) -> None:
        """The chosen person turns round."""
        self._act(Person.mirror)

    def hide(self, hidden: bool) -> None:
        """The chosen joint is left out, or shown again."""
        if hidden != (self.joint in self.chosen.hidden):
            self._act(lambda person: person.show(self.joint, not hidden))

    def use_preset(self, name: str) -> None:
        """The chosen person takes one of PRESETS, where it is; as tall as it is, where both have hips."""
        new = new_person(PRESETS[name], self.size)
        if self.chosen.torso and {*self.chosen.shown} & {*new.shown} >= HIPS:
            new = new.scale(self.chosen.torso / new.torso)
        self._act(lambda person: put(new, person.middle))

    def add(self, name: str) -> None:
        """Another person beside the others, who is then the chosen one."""
        if self.can_add:
            self.begin()
            new = new_person(PRESETS[name], self.size)
            side = (1, -1)[len(self.people) % 2] * ((len(self.people) + 1) // 2) * _ASIDE
            x, y = new.middle
            x = min(max(x - side * self.size[0], 0), self.size[0])
            self.people, self.person = (*self.people, put(new, (x, y))), len(self.people)
            self.drawn += 1

    def remove(self) -> None:
        """The chosen person goes; the last one stays."""
        if len(self.people) > 1:
            self.begin()
            gone = self.person
            self.person = max(0, gone - 1)
            self.people = self.people[:gone] + self.people[gone + 1 :]
            self.drawn += 1

    def open(self, data: bytes) -> None:
        """Another pose, fitted to the picture. Raises InvalidRequest."""
        people = people_of(data, self.size)
        self.begin()
        self.people, self.person = people, 0
        self.drawn += 1

    def undo(self) -> None:
        self._go(self._before, self._after)

    def redo(self) -> None:
        self._go(self._after, self._before)

    def _go(self, back: list[_State], on: list[_State]) -> None:
        if back:
            on.append(_State(self.people, self.person))
            state = back.pop()
            self.person = 0  # which is there in both
            self.people, self.person = state.people, state.person
            self.drawn += 1

    def _act(self, change: Callable[[Person], Person]) -> None:
        self.begin()
        self._change(change(self.chosen))

    def _change(self, person: Person) -> None:
        self.people = (*self.people[: self.person], person, *self.people[self.person + 1 :])
        self.drawn += 1


def people_of(data: bytes, size: tuple[int, int]) -> tuple[Person, ...]:
    """The people of an OpenPose JSON file in a picture of this size. Raises InvalidRequest."""
    return tuple(map(person_of, fitted(read_pose(data), *size)))

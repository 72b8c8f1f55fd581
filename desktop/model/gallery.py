"""What the Gallery shows, and what people do there. It knows neither Qt nor threads."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from psygnal import SignalGroupDescriptor

from backends.core.contract import MezzotintError
from desktop.library import marks, trash
from desktop.library.database import Library
from desktop.library.index import LibraryPicture, picture_record
from desktop.library.marks import Kind, Label
from desktop.library.record import Record
from desktop.library.search import Order, Query, count_pictures, find_numbers, parse_query, pictures_by_number
from desktop.model.language import tr


class Shelf(Protocol):
    """The library, elsewhere. `then` is called later, with the result."""

    def ask(self, call: Callable[[Library], Any], then: Callable[[Any], None] | None = None) -> object: ...

    def change(
        self, call: Callable[[Library], Any], then: Callable[[Any], None] | None = None, *, what: str = ...
    ) -> object: ...


@dataclass(frozen=True)
class Place:
    """What is looked through: everything, the favourites, or a collection or tag by its name."""

    kind: Literal["all", "starred", "collection", "tag"] = "all"
    name: str = ""


@dataclass(frozen=True)
class Overview:
    """What a search found, and what there is altogether. `numbers` are the found pictures' ids, in order.

    `version` grows with every look: the same pictures may have other stars.
    """

    numbers: array[int] = field(default_factory=lambda: array("q"))
    pictures: int = 0
    starred: int = 0
    collections: tuple[Label, ...] = ()
    tags: tuple[Label, ...] = ()
    version: int = 0


@dataclass(frozen=True)
class Card:
    """Everything about one picture. Its file is "away" when its whole folder is, with its drive."""

    picture: LibraryPicture
    record: Record | None
    tags: tuple[str, ...]
    collections: tuple[str, ...]
    whereabouts: Literal["here", "away", "missing"] = "here"


@dataclass(kw_only=True)
class Gallery:
    """The screen's state. `events` has one signal a field.

    `overview` is None until the library has answered for the first time; `card` is of the picture that
    the cursor is on. `deleted` are the pictures whose deletion can still be undone.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    text: str = ""
    order: Order = "newest"
    place: Place = Place()
    overview: Overview | None = None
    selected: tuple[int, ...] = ()
    card: Card | None = None
    deleted: tuple[int, ...] = ()


class NotDeleted(MezzotintError):
    """Pictures could not be moved to the trash; they are where they were."""


class Curator:
    """What people do with their pictures. `fail` gets what could not be done."""

    def __init__(self, shelf: Shelf, fail: Callable[[MezzotintError], None]) -> None:
        self.gallery = Gallery()
        self._shelf, self._fail = shelf, fail
        self._asked = 0
        self._cursor: int | None = None

    # --- looking ---

    def refresh(self) -> None:
        """Looks through the library again. An answer that is overtaken by a later question is dropped."""
        self._asked += 1
        ticket, query, order = self._asked, self._query(), self.gallery.order

        def show(overview: Overview) -> None:
            if ticket == self._asked:
                self.gallery.overview = replace(overview, version=ticket)

        self._shelf.ask(lambda library: look(library, query, order), show)
        self._read_card()

    def search(self, text: str) -> None:
        """Shows the pictures that the words mean (see library.search)."""
        self.gallery.text = text
        self.refresh()

    def sort(self, order: Order) -> None:
        """Shows them in this order."""
        self.gallery.order = order
        self.refresh()

    def go(self, place: Place) -> None:
        """Looks through another place, for the same words."""
        self.gallery.place = place
        self.refresh()

    def select(self, numbers: Sequence[int], cursor: int | None) -> None:
        """These pictures are chosen; the cursor is on one of them."""
        self.gallery.selected, self._cursor = tuple(numbers), cursor
        self._read_card()

    def with_card(self, then: Callable[[Card], object]) -> None:
        """Calls `then` with the picture under the cursor, at once or when it has been read."""
        card, number = self.gallery.card, self._cursor
        if card is not None and card.picture.id == number:
            then(card)
        elif number is not None:

            def go_on(card: Card | None) -> None:
                if card is not None:
                    then(card)

            self._ask_card(number, go_on)

    # --- marking ---

    def star(self) -> None:
        """Makes the chosen pictures favourites, or none of them if the one under the cursor is one."""
        card, chosen = self.gallery.card, self.gallery.selected
        starred = not (card and card.picture.starred)
        self._change(lambda library: marks.star_pictures(library, chosen, starred))

    def star_all(self) -> None:
        """Makes all chosen pictures favourites."""
        chosen = self.gallery.selected
        self._change(lambda library: marks.star_pictures(library, chosen, True))

    def rate(self, rating: int) -> None:
        """Gives the chosen pictures 1 to 5 points, or 0 for none."""
        chosen = self.gallery.selected
        self._change(lambda library: marks.rate_pictures(library, chosen, rating))

    def label(self, kind: Kind, name: str) -> None:
        """Gives the chosen pictures a tag, or puts them into a collection."""
        chosen = self.gallery.selected
        self._change(lambda library: marks.add_label(library, kind, name, chosen))

    def unlabel(self, kind: Kind, name: str) -> None:
        """Takes a tag from the chosen pictures, or takes them out of a collection."""
        chosen = self.gallery.selected
        self._change(lambda library: marks.remove_label(library, kind, name, chosen))

    def new_collection(self, name: str) -> None:
        """Makes an empty collection, where there is none of this name."""
        self._change(lambda library: marks.add_label(library, "collection", name))

    def rename_label(self, kind: Kind, name: str, new: str) -> None:
        """Renames a collection or a tag everywhere."""
        if self.gallery.place == Place(kind, name):
            self.gallery.place = Place(kind, marks.tidy_name(new) or name)
        self._change(lambda library: marks.rename_label(library, kind, name, new))

    def delete_label(self, kind: Kind, name: str) -> None:
        """Takes a collection or a tag away; its pictures stay."""
        if self.gallery.place == Place(kind, name):
            self.gallery.place = Place()
        self._change(lambda library: marks.delete_label(library, kind, name))

    # --- deleting ---

    def delete(self) -> None:
        """Hides the chosen pictures. They go to the trash with `empty_bin`, unless `undo` comes first."""
        if not (chosen := self.gallery.selected):
            return
        self.empty_bin()
        self.gallery.deleted = chosen
        self._change(lambda library: trash.mark_deleted(library, chosen))

    def undo(self) -> None:
        """Shows the pictures again that were deleted last."""
        deleted, self.gallery.deleted = self.gallery.deleted, ()
        self._change(lambda library: trash.bring_back(library, deleted))

    def empty_bin(self) -> None:
        """Moves the deleted pictures' files to the system's trash."""
        deleted, self.gallery.deleted = self.gallery.deleted, ()
        if deleted:
            self._shelf.ask(lambda library: trash.throw_away(library, deleted), self._thrown_away)

    def _thrown_away(self, left: int) -> None:
        if left:
            sentence = tr("{count} of the pictures could not be moved to the trash.", count=left)
            self._fail(
                NotDeleted(sentence, tr("They are in the gallery again; check the folder's permissions."))
            )
            self.refresh()

    # --- parts ---

    def _query(self) -> Query:
        query, place = parse_query(self.gallery.text), self.gallery.place
        match place.kind:
            case "starred":
                return replace(query, starred=True)
            case "collection":
                return replace(query, collections=(*query.collections, place.name))
            case "tag":
                return replace(query, tags=(*query.tags, place.name))
            case _:
                return query

    def _change(self, call: Callable[[Library], None]) -> None:
        self._shelf.change(call, what="pictures")

    def _read_card(self) -> None:
        if (number := self._cursor) is None:
            self.gallery.card = None
            return

        def show(card: Card | None) -> None:
            if number == self._cursor:
                self.gallery.card = card

        self._ask_card(number, show)

    def _ask_card(self, number: int, then: Callable[[Card | None], None]) -> None:
        self._shelf.ask(lambda library: read_card(library, number), then)


def look(library: Library, query: Query, order: Order) -> Overview:
    """What a search finds, and what there is altogether."""
    numbers = find_numbers(library, query, order)
    return Overview(
        numbers=numbers,
        pictures=len(numbers) if query == Query() else count_pictures(library),
        starred=count_pictures(library, Query(starred=True)),
        collections=tuple(marks.all_labels(library, "collection")),
        tags=tuple(marks.all_labels(library, "tag")),
    )


def read_card(library: Library, number: int) -> Card | None:
    """Everything about one picture, if it is still there."""
    found = pictures_by_number(library, [number])
    if not found:
        return None
    return Card(
        found[0],
        picture_record(library, number),
        marks.labels_of(library, number, "tag"),
        marks.labels_of(library, number, "collection"),
        _whereabouts(found[0].path),
    )


def _whereabouts(path: Path) -> Literal["here", "away", "missing"]:
    if path.exists():
        return "here"
    return "missing" if path.parent.is_dir() else "away"

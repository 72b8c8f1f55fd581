"""What a person does with guides and reference pictures, and what they are shown of them.

Pictures are read, and maps made, by the worker: `Guiding` holds small copies of what came back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import ClassVar

from psygnal import SignalGroupDescriptor

from backends.core.contract import (
    MAX_CONTROLS,
    MAX_REFERENCES,
    Capabilities,
    GuideRefused,
    InvalidRequest,
    MezzotintError,
    Picture,
    ReferenceRefused,
    Request,
)
from desktop.model.bench import Bench, Reader
from desktop.model.form import Form, ModelChoice
from desktop.model.guides import Guide, begin
from desktop.model.language import tr
from desktop.model.problem import Problem
from desktop.model.sentences import said
from desktop.model.start import StartPicture
from desktop.model.studio import Studio

MapKey = tuple[str, str, str, tuple[int, int]]
"""A picture's SHA-256, how it is prepared and by which depth model, and the size of the picture it guides."""
_FEATURE = "controlnets"


@dataclass(frozen=True)
class Seen:
    """A picture, small, with its real width and height; or none, and why."""

    picture: Picture | None = None
    size: tuple[int, int] = (0, 0)
    why_not: str = ""


@dataclass(kw_only=True)
class Guiding:
    """What came back: pictures by their SHA-256, and what ControlNets are shown of them."""

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    pictures: Mapping[str, Seen] = field(default_factory=dict[str, Seen])
    maps: Mapping[MapKey, Seen] = field(default_factory=dict[MapKey, Seen])


class GuideDesk:
    """Changes the form's guides and reference pictures. `watch` says that somebody looks at the maps."""

    def __init__(self, form: Form, studio: Studio, bench: Bench, reader: Reader | None) -> None:
        self.guiding = Guiding()
        self.form, self.studio = form, studio
        self._bench, self._reader = bench, reader
        self._about: Capabilities | None = None
        self._looking: set[str] = set()
        self._making: MapKey | None = None
        self._watched = False
        for changed in (form.events.guides, form.events.references):
            changed.connect(self._look)
        for name in ("guides", "width", "height", "extend", "start"):
            getattr(form.events, name).connect(self._make_maps)
        form.events.model.connect(self._say_able)
        studio.events.models.connect(self._say_able)
        self._say_able()
        self._look()

    # --- what the person does ---

    def bring_guide(self, path: Path) -> None:
        """Another guide, by this picture's file or OpenPose's JSON file."""
        if self._reader is not None and self._may(self.studio.no_guides):
            self._reader.open_guide(path, self.add_guide, self._not_opened)

    def add_guide(self, picture: StartPicture, net: str = "") -> None:
        """Another guide, with the ControlNet of the one before it unless one is named."""
        if len(self.form.guides) < MAX_CONTROLS:
            used = [guide.model for guide in self.form.guides]
            self.form.guides = (*self.form.guides, begin(picture, net or (used[-1] if used else "")))
        else:
            self._too_many(tr("There are {count} guides already.", count=MAX_CONTROLS))

    def change_guide(self, number: int, guide: Guide) -> None:
        """The guide at this place, counted from 0, is this one now."""
        guides = self.form.guides
        if number < len(guides) and guides[number] != guide:
            self.form.guides = (*guides[:number], guide, *guides[number + 1 :])

    def replace_picture(self, number: int, path: Path) -> None:
        """Another picture for this guide, which keeps the rest."""
        if self._reader is not None:
            self._reader.open_guide(path, partial(self.use_picture, number), self._not_opened)

    def use_picture(self, number: int, picture: StartPicture) -> None:
        """As `replace_picture`, with one that is read already."""
        old, fresh = self.form.guides[number], begin(picture)
        way = fresh.prepare if fresh.is_pose or old.is_pose else old.prepare
        self.change_guide(number, replace(old, picture=picture, prepare=way))

    def remove_guide(self, number: int) -> None:
        self.form.guides = (*self.form.guides[:number], *self.form.guides[number + 1 :])

    def bring_reference(self, path: Path) -> None:
        """Another picture for the model to look at, from this file."""
        if self._reader is not None and self._may(self.studio.no_references):
            self._reader.open_start(path, self.add_reference, self._not_opened)

    def add_reference(self, picture: StartPicture) -> None:
        """Another picture for the model to look at."""
        if len(self.form.references) < MAX_REFERENCES:
            self.form.references = (*self.form.references, picture)
        else:
            self._too_many(tr("There are {count} reference pictures already.", count=MAX_REFERENCES))

    def remove_reference(self, number: int) -> None:
        self.form.references = (*self.form.references[:number], *self.form.references[number + 1 :])

    def move_reference(self, number: int, place: int) -> None:
        """Puts a picture at this place among the others, counted from 0."""
        pictures = [*self.form.references]
        moved = pictures.pop(number)
        pictures.insert(min(max(place, 0), len(pictures)), moved)
        self.form.references = tuple(pictures)

    def watch(self, on: bool) -> None:
        """Whether somebody looks: maps are made only then."""
        self._watched = on
        self._make_maps()

    # --- what is known ---

    def learn(self, about: Capabilities | None) -> None:
        """What the backend in use can do; None while that is not known."""
        self._about = about
        self._say_able()

    def check(self, request: Request) -> None:
        """Raises GuideRefused or ReferenceRefused for what the request's model can't use."""
        without = tr("Choose another model, or go on without.")
        if request.controls and (why_not := self._no_guides(request.model)):
            raise GuideRefused(why_not, without)
        if request.references and (why_not := self._no_references(request.model)):
            raise ReferenceRefused(why_not, without)

    def seen(self, picture: StartPicture) -> Seen:
        """The picture, once it has come."""
        return self.guiding.pictures.get(picture.sha256, Seen())

    def map_of(self, guide: Guide) -> Seen:
        """What the ControlNet is shown, once it has come."""
        return self.guiding.maps.get(self._key(guide), Seen())

    # --- parts ---

    def _may(self, why_not: str) -> bool:
        if why_not:
            self.studio.problem = Problem(InvalidRequest(why_not, tr("Choose another model first.")))
        return not why_not

    def _too_many(self, message: str) -> None:
        self.studio.problem = Problem(InvalidRequest(message, tr("Remove one of them first.")))

    def _not_opened(self, error: MezzotintError) -> None:
        self.studio.problem = Problem(error)

    def _say_able(self, _: object = None) -> None:
        self.studio.no_guides = self._no_guides(self.form.model)
        self.studio.no_references = self._no_references(self.form.model)

    def _choice(self, model: str) -> ModelChoice | None:
        return next((choice for choice in self.studio.models if choice.name == model), None)

    def _no_references(self, model: str) -> str:
        choice = self._choice(model)
        if choice is None:
            return tr("The model {model} is not installed.", model=model)
        if choice.takes_references:
            return ""
        return tr("{model} can't look at reference pictures; FLUX.2 klein can.", model=choice.title)

    def _no_guides(self, model: str) -> str:
        choice = self._choice(model)
        if choice is None:
            return tr("The model {model} is not installed.", model=model)
        if choice.made_for:
            return tr("{model} was converted and can't be guided; the model it was made from may be.",
                      model=choice.title)  # fmt: skip
        if not choice.takes_controls:
            return tr("{model} can't be guided: ControlNets are for Stable Diffusion 1, 2 and XL.",
                      model=choice.title)  # fmt: skip
        if self._about is not None and _FEATURE not in self._about.features:
            return tr("{name} can't use ControlNets.", name=self._about.name)
        return ""

    def _look(self, _: object = None) -> None:
        """Has those read that aren't known yet, and forgets those that are gone."""
        wanted = {picture.sha256: picture for picture in self._pictures()}
        for digest, picture in wanted.items():
            if digest not in self.guiding.pictures and digest not in self._looking:
                self._looking.add(digest)
                self._bench.look(picture, partial(self._looked, digest), partial(self._not_looked, digest))
        if gone := self.guiding.pictures.keys() - wanted.keys():
            known = self.guiding.pictures.items()
            self.guiding.pictures = {digest: seen for digest, seen in known if digest not in gone}

    def _pictures(self) -> list[StartPicture]:
        by_picture = [guide.picture for guide in self.form.guides if not guide.is_pose]
        return [*by_picture, *self.form.references]

    def _looked(self, digest: str, small: Picture, size: tuple[int, int]) -> None:
        self._looking.discard(digest)
        self.guiding.pictures = {**self.guiding.pictures, digest: Seen(small, size)}

    def _not_looked(self, digest: str, error: MezzotintError) -> None:
        """It can't be read, so it can't be used."""
        self._looking.discard(digest)
        if digest not in {picture.sha256 for picture in self._pictures()}:
            return
        self.form.guides = tuple(each for each in self.form.guides if each.picture.sha256 != digest)
        self.form.references = tuple(each for each in self.form.references if each.sha256 != digest)
        self.studio.problem = Problem(error)

    def _key(self, guide: Guide) -> MapKey:
        return guide.picture.sha256, guide.prepare, guide.by, self.form.whole_size

    def _make_maps(self, _: object = None) -> None:
        """One after the other, so that typing a size asks for a few of them only."""
        wanted = {self._key(guide): guide for guide in self.form.guides}
        missing = [key for key in wanted if key not in self.guiding.maps]
        if not (self._watched and missing and self._making is None):
            return
        self._making = key = missing[0]
        self._bench.look_prepared(wanted[key], self.form.whole_size, self._made, self._not_made)

    def _made(self, small: Picture, size: tuple[int, int]) -> None:
        self._keep_map(Seen(small, size))

    def _not_made(self, error: MezzotintError) -> None:
        self._keep_map(Seen(why_not=f"{said(error.message)} {said(error.action)}"))

    def _keep_map(self, seen: Seen) -> None:
        key, self._making = self._making, None
        wanted = {self._key(guide) for guide in self.form.guides}
        maps = {known: each for known, each in self.guiding.maps.items() if known in wanted}
        self.guiding.maps = {**maps, key: seen} if key is not None else maps
        self._make_maps()

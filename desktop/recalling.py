"""A record's pictures, found again on this machine: what a form needs to make the picture once more."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from backends.core.contract import InvalidRequest, UnreadablePicture
from desktop.library.brought import to_control
from desktop.library.reading import find_recorded
from desktop.library.record import Controlled, InitPicture, Inpainted, Record, mask_of
from desktop.model.guides import Guide, guide_of
from desktop.model.language import tr
from desktop.model.recipes import ForeignRecipe
from desktop.model.sentences import said
from desktop.model.start import StartPicture

Tell = Callable[[str], None]


def names_pictures(record: Record) -> bool:
    """Whether files have to be read to recall it."""
    return bool(record.init_image or record.references or record.controls or record.depth_map)


def recall(record: Record, program: str = "Mezzotint", extras: tuple[str, ...] = ()) -> ForeignRecipe:
    """The recipe with those of its pictures that are there and still the same; the others are told."""
    left: list[str] = []
    start, made = _start(record, left.append), record.inpainting or Inpainted()
    references = tuple(_references(record, left.append))
    guides = tuple(_guides(record, left.append))
    again, depth_map = start is not None, _depth_map(record, left.append)
    return ForeignRecipe(
        recipe=record,
        program=program,
        extras=(*left, *extras),
        start=start,
        mask=mask_of(record) if again else None,
        feather=made.feather if again else 0,
        extend=made.extend if again else (0, 0, 0, 0),
        references=references,
        guides=guides,
        depth_map=depth_map,
    )


def _start(record: Record, tell: Tell) -> StartPicture | None:
    if record.init_image is None:
        return None
    try:
        return _found(record.init_image)
    except UnreadablePicture as error:
        tell(said(error.message))
        return None


def _depth_map(record: Record, tell: Tell) -> StartPicture | None:
    if record.depth_map is None:
        return None
    try:
        return _found(record.depth_map)
    except UnreadablePicture:
        name = record.depth_map.name
        tell(tr("The depth map {name} is not there any more, or is another picture now.", name=name))
        return None


def _references(record: Record, tell: Tell) -> Iterator[StartPicture]:
    for picture in record.references:
        try:
            yield _found(picture)
        except UnreadablePicture:
            tell(
                tr(
                    "The reference picture {name} is not there any more, or is another one now.",
                    name=picture.name,
                )
            )


def _guides(record: Record, tell: Tell) -> Iterator[Guide]:
    for told in record.controls:
        try:
            picture = _pose(told) if told.pose else _found(told.picture)
            yield guide_of(to_control(told, picture.data), picture)
        except UnreadablePicture:
            name = told.picture.name
            tell(tr("The guide {name} is not there any more, or is another picture now.", name=name))
        except InvalidRequest as error:
            tell(said(error.message))


def _pose(told: Controlled) -> StartPicture:
    """A record holds poses themselves."""
    return StartPicture(told.pose.encode(), told.picture.name, told.picture.path)


def _found(picture: InitPicture) -> StartPicture:
    data, found = find_recorded(picture)
    return StartPicture(data, found.name, found.path)

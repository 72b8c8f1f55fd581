"""The Compare tab: pictures of this session that are chosen among the recent ones, or else the last two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from PySide6.QtGui import QImage

from desktop.keeping import record_of
from desktop.model.backends import place_in_words
from desktop.model.compare import FEWEST, MOST, Comparison, Item
from desktop.model.language import tr
from desktop.model.studio import Made
from desktop.view.compare import CompareView, Take

if TYPE_CHECKING:
    from desktop.view.app import Workshop


class CompareTab(CompareView):
    """Follows what is chosen in the recent pictures."""

    def __init__(self, workshop: Workshop) -> None:
        self._comparison = Comparison()
        self._recent = workshop.window.recent
        self._studio = workshop.make.studio
        empty = tr("Make two pictures, or choose two to four of the recent ones with Ctrl, to compare them.")
        super().__init__(self._comparison, self._pixels, empty=empty)
        self.back.hide()
        self._recent.list.itemSelectionChanged.connect(self._follow)
        self._studio.events.recent.connect(self._follow)
        self._follow()

    def _follow(self, *_: object) -> None:
        chosen = self._recent.chosen()
        pictures = chosen if len(chosen) >= FEWEST else self._studio.recent[:FEWEST]
        items = tuple(to_item(made, self._studio.hardware) for made in pictures[:MOST])
        if [item.key for item in items] != [item.key for item in self._comparison.items]:
            self._comparison.items = items

    def _pixels(self, item: Item, take: Take) -> None:
        for made in self._studio.recent:
            if made.key == item.key:
                picture = made.event.picture
                stride = picture.width * 3
                image = QImage(
                    picture.rgb, picture.width, picture.height, stride, QImage.Format.Format_RGB888
                )
                take(image.copy())


def to_item(made: Made, hardware: Mapping[str, str]) -> Item:
    """A picture of this session."""
    backend = place_in_words(made.event.provenance, hardware)
    record = record_of(made, "")
    return Item(key=made.key, recipe=record, seconds=made.seconds, backend=backend)

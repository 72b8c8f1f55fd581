"""Ties the Models screen's desk to the window: its processes, its files, and what Make can be made with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from backends.core.contract import BrokenModel, Event, Failed, MezzotintError
from desktop.children import Children
from desktop.cupboard import ModelCupboard, read_papers
from desktop.downloads.tokens import keep_token
from desktop.errands import Errands
from desktop.library import paths
from desktop.model.form import ModelChoice
from desktop.model.hub import HubDesk
from desktop.model.language import tr
from desktop.model.models_card import ModelCard
from desktop.model.models_desk import ModelsDesk
from desktop.model.problem import Way

if TYPE_CHECKING:
    from desktop.view.app import Workshop


class ModelsRoom:
    """`desk` is the Models screen's; what it finds installed is what Make offers."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        failed = workshop.make.not_opened
        self.children, self.cupboard = Children(), ModelCupboard(workshop.settings, failed)
        self.desk = ModelsDesk(self.children, self.cupboard, paths.models_folder(), read_papers(failed))
        keeper = HubKeeper(workshop.errands)
        self.hub = HubDesk(self.children, self.desk, workshop.settings, keeper)
        self.desk.models.events.cards.connect(self._offer)
        self.desk.models.events.kept.connect(lambda _: workshop.additions.refresh())

    def show(self, name: str) -> None:
        """Opens the screen at this model."""
        self._workshop.window.show_screen("models")
        self.desk.choose(name)

    def close(self) -> None:
        """Ends what runs; finished parts of a conversion are kept."""
        self.children.close()
        self.cupboard.close()

    def _offer(self, cards: tuple[ModelCard, ...]) -> None:
        self._workshop.make.offer([choice for choice in map(choice_of, cards) if choice is not None])

    def point_out(self, event: Event) -> None:
        """A model that is not whole can be looked at, prepared again or deleted there."""
        studio = self._workshop.make.studio
        problem = studio.problem
        if not isinstance(event, Failed) or not isinstance(event.error, BrokenModel):
            return
        if problem is not None and problem.job is not None and problem.error is event.error:
            way = Way(tr("Show in Models"), partial(self.show, problem.job.request.model))
            studio.problem = replace(problem, ways=(*problem.ways, way))


class HubKeeper:
    """It is the hub's Keeper. Settings are written in the errands' thread, one change after the other."""

    def __init__(self, errands: Errands) -> None:
        self._errands = errands

    def settle(self, then: Callable[[], None]) -> None:
        self._errands.run(_nothing, lambda _: then(), lambda _: None)

    def keep_token(
        self, token: str, then: Callable[[], None], failed: Callable[[MezzotintError], None]
    ) -> None:
        self._errands.run(partial(keep_token, token), lambda _: then(), failed)


def _nothing() -> None:
    """Is done once everything before it is."""


def choice_of(card: ModelCard) -> ModelChoice | None:
    """Also a converted one that has to be prepared again: choosing it says so."""
    if card.defaults is None:
        return None
    return ModelChoice(
        name=card.name,
        title=card.title,
        folder=card.folder,
        defaults=card.defaults,
        samplers=card.samplers,
        size_step=card.size_step,
        sizes=card.sizes,
        made_for=card.made_for,
        family=card.family,
        takes_controls=card.takes_controls,
        takes_references=card.takes_references,
        refines=card.refines,
        has_refiner=card.has_refiner,
    )

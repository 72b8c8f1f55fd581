"""What the Models screen does: lists, prepares, imports, downloads and deletes models. No Qt, no processes.

Whatever runs commands, reads folders and keeps notes is given to it; answers come later, in this thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from desktop.model import models_chore, models_question_said
from desktop.model.language import tr
from desktop.model.models_ask import Ask, read_asks
from desktop.model.models_card import ModelCard
from desktop.model.models_chore import Chore
from desktop.model.models_fit import Verdict, read_verdicts
from desktop.model.models_question import Answer
from desktop.model.models_state import Cupboard, Listing, Models, Runner, Running, read_notes


class ModelsDesk:
    """Turns what a person wants into commands, and what these say into the screen's state."""

    def __init__(
        self,
        runner: Runner,
        cupboard: Cupboard,
        folder: Path,
        papers: Mapping[str, Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.models, self.folder, self._clock = Models(), folder, clock
        self._runner, self._cupboard = runner, cupboard
        self._running: dict[str, Running] = {}
        self._unwanted: set[str] = set()
        self._looking: tuple[str, Running] | None = None
        told = papers or {}
        self.models.notes = read_notes(told.get("notes"))
        self._asks = read_asks(told.get("conversions"))
        self.unread = {key: value for key, value in told.items() if key not in ("notes", "conversions")}

    # --- what the person does ---

    def refresh(self) -> None:
        """Reads anew what is installed."""
        self._cupboard.list(self._listed)

    def choose(self, name: str) -> None:
        """Looks at a model: what it needs here, and its hash where nobody wrote it down."""
        models = self.models
        models.chosen, models.doubted, models.notice = name, "", ""
        self._look()

    def prepare(self, ask: Ask) -> None:
        """Converts, behind what is going on already."""
        name = ask.called
        if any(chore.ask and chore.title == name for chore in self._going_on):
            self.models.notice = tr("{name} is being made already.", name=name)
            return
        self._asks[name] = ask
        self._keep()
        self._drop_over(name)
        self._add(models_chore.conversion(ask, name))

    def bring(self, sources: Sequence[Path]) -> None:
        """Imports files and folders, one after the other; several files may be parts of one model."""
        for source in sources:
            beside = [str(other) for other in sources if other != source]
            self._add(models_chore.importing(str(source), source.name, beside))

    def answer(self, chore_id: str, answer: Answer) -> None:
        """Imports what an import asked about."""
        chore = self._find(chore_id)
        self._remove(chore_id)
        self._add(models_chore.answered(chore, answer))

    def keep_aside(self, chore_id: str) -> None:
        """Puts a file that is no model where its kind is kept."""
        chore = self._find(chore_id)
        self._remove(chore_id)
        self._add(models_chore.keeping(chore))

    def fetch(self, source: str, name: str) -> None:
        """Downloads a model, beside a conversion or an import, behind other downloads."""
        if any(chore.source and chore.title == name for chore in self._going_on):
            self.models.notice = tr("{name} is being downloaded already.", name=name)
            return
        self._drop_over(name)
        self._add(models_chore.downloading(source, name))

    def pause_downloads(self) -> None:
        """The network is not to be used any more; what came is kept."""
        for chore in [each for each in self._going_on if each.source]:
            if chore.id in self._running:
                self.stop(chore.id)
            else:
                self._change(replace(chore, state="stopped"))

    def stop(self, chore_id: str) -> None:
        """Stops what goes on; what waits is taken off."""
        chore = self._find(chore_id)
        if chore_id in self._running:
            self._change(replace(chore, state="stopping"))
            self._running[chore_id].stop()
        else:
            self._remove(chore_id)

    def go_on(self, chore_id: str) -> None:
        """Tries once more; a conversion goes on from its finished parts."""
        chore = self._find(chore_id)
        self._remove(chore_id)
        if chore.ask is not None:
            self.prepare(chore.ask)
        else:
            self._add(replace(chore, state="waiting", problem="", words="", question=None))

    def throw_away(self, chore_id: str) -> None:
        """Forgets what was stopped or failed, and what is finished of it."""
        chore = self._find(chore_id)
        if chore_id in self._running:
            self._unwanted.add(chore_id)
            self.stop(chore_id)
            return
        self._remove(chore_id)
        if chore.source:
            self._discard(chore.title)
            return
        half = chore.ask.half_made if chore.ask else Path(chore.folder) if chore.folder else None
        if half is not None:
            self._asks.pop(chore.title, None)
            self._keep()
            self._cupboard.trash(half, lambda _: None)

    def note(self, name: str, text: str) -> None:
        """Keeps what a person writes about a model."""
        notes = {**self.models.notes, name: text}
        self.models.notes = {key: value for key, value in notes.items() if value.strip()}
        self._keep()

    def doubt(self, name: str) -> None:
        """Asks whether this model may go, or with "" no longer."""
        self.models.doubted = name

    def delete(self, card: ModelCard) -> None:
        """Moves a model to the system's trash."""
        self.models.doubted = ""

        def then(gone: bool) -> None:
            if not gone:
                self.models.notice = tr("{name} could not be moved to the trash.", name=card.title)
            self.refresh()

        if card.place == "own":
            self._cupboard.trash(card.folder, then)

    # --- what comes back ---

    def _listed(self, listing: Listing) -> None:
        models = self.models
        models.read = True
        models.cards = tuple(_with_hash(card, models.hashes) for card in listing.cards)
        known = {chore.title for chore in models.chores}
        for name, done in listing.broken_off.items():
            if name not in known:
                self._add_broken_off(name, done)
        for each in listing.waiting:
            if each.name not in known:
                stopped = models_chore.downloading(each.source, each.name, each.done, each.of)
                self.models.chores = (*self.models.chores, replace(stopped, state="stopped"))
        if models.card is None:
            self.choose(models.cards[0].name if models.cards else "")
        else:
            self._look()

    def _add_broken_off(self, name: str, done: int) -> None:
        ask = self._asks.get(name)
        words = tr("Stopped; {done} of 4 networks are finished", done=done)
        half = str(self.folder / f".{name}.converting")
        chore = Chore(title=name, command=(), ask=ask, state="stopped", words=words, folder=half)
        self.models.chores = (*self.models.chores, chore)

    def _look(self) -> None:
        """Asks for what is not known yet of the chosen model."""
        card, models = self.models.card, self.models
        if self._looking and (card is None or self._looking[0] != card.name):
            self._looking[1].stop()
            self._looking = None
        if card is None or card.problem:
            return
        if not card.sha256 and card.name not in models.hashes:
            models.hashes = {**models.hashes, card.name: ""}
            self._cupboard.hash(card, lambda found: self._hashed(card.name, found))
        if not self._looking and card.name not in models.verdicts:
            self._ask_fit(card)

    def _ask_fit(self, card: ModelCard) -> None:
        lines: list[str] = []

        def ended(_: int) -> None:
            if self._looking is None or self._looking[1] is not running:
                return  # somebody looks at another model by now
            found: tuple[Verdict, ...] = next((each for each in map(read_verdicts, lines) if each), ())
            if card.made_for:
                found = tuple(each for each in found if each.backend == card.made_for)
            self._looking = None
            self.models.verdicts = {**self.models.verdicts, card.name: found}

        running = self._runner.start(("desktop", "fit", str(card.folder), "--json"), lines.append, ended)
        self._looking = card.name, running

    def _hashed(self, name: str, found: str) -> None:
        self.models.hashes = {**self.models.hashes, name: found}
        self.models.cards = tuple(_with_hash(card, self.models.hashes) for card in self.models.cards)

    # --- chores ---

    @property
    def _going_on(self) -> list[Chore]:
        return [chore for chore in self.models.chores if not chore.is_over]

    def _add(self, chore: Chore) -> None:
        self.models.chores = (*self.models.chores, chore)
        self._begin_next()

    def _begin_next(self) -> None:
        """One at a time, as each takes all the memory there is to take; a download takes none."""
        for of_hub in (False, True):
            chores = [chore for chore in self.models.chores if bool(chore.source) == of_hub]
            waiting = [chore for chore in chores if chore.state == "waiting"]
            if waiting and not any(chore.id in self._running for chore in chores):
                self._begin(waiting[0])

    def _begin(self, chore: Chore) -> None:
        self._change(replace(chore, state="running", began=self._clock()))
        self._running[chore.id] = self._runner.start(
            chore.command, lambda line: self._said(chore.id, line), lambda code: self._ended(chore.id, code)
        )

    def _said(self, chore_id: str, line: str) -> None:
        self._change(models_chore.told(self._find(chore_id), line))

    def _ended(self, chore_id: str, code: int) -> None:
        chore = self._find(chore_id)
        del self._running[chore_id]
        if code == 0 and chore.question is not None:
            self._change(replace(chore, state="asking", began=None))
        elif code == 0:
            self._remove(chore_id)
            self._done(chore)
        elif chore_id in self._unwanted:
            self._unwanted.discard(chore_id)
            self._remove(chore_id)
            self._discard(chore.title)
        else:
            self._change(models_chore.ended(chore, code))
        self._begin_next()

    def _discard(self, name: str) -> None:
        """Removes what came of a download."""
        words = ("desktop", "download", "--discard", name, "--quiet")
        self._runner.start(words, lambda _: None, lambda _: self.refresh())

    def _done(self, chore: Chore) -> None:
        if chore.ask is not None:
            self._asks.pop(chore.title, None)
            self._keep()
            known = self.models.verdicts.items()
            self.models.verdicts = {key: value for key, value in known if key != chore.title}
            self.models.chosen = chore.title
        if chore.makes:
            self.models.chosen = chore.makes
        if chore.keeps:
            self.models.notice = models_question_said.kept(chore.keeps, chore.title)
            self.models.kept = (*self.models.kept, chore.title)
        self.refresh()

    def _drop_over(self, name: str) -> None:
        self.models.chores = tuple(
            each for each in self.models.chores if not (each.is_over and each.title == name)
        )

    def _find(self, chore_id: str) -> Chore:
        return next(chore for chore in self.models.chores if chore.id == chore_id)

    def _change(self, changed: Chore) -> None:
        self.models.chores = tuple(changed if each.id == changed.id else each for each in self.models.chores)

    def _remove(self, chore_id: str) -> None:
        self.models.chores = tuple(each for each in self.models.chores if each.id != chore_id)

    def _keep(self) -> None:
        asks = {name: ask.to_plain() for name, ask in self._asks.items()}
        self._cupboard.keep({**self.unread, "notes": dict(self.models.notes), "conversions": asks})


def _with_hash(card: ModelCard, hashes: Mapping[str, str]) -> ModelCard:
    return replace(card, sha256=card.sha256 or hashes.get(card.name, ""))

"""What the Make screen does: the person's wishes become jobs, and the worker's answers the studio's state.

Widgets forward to it; it knows neither Qt nor processes. Whatever runs the work (the session) is
given to it as a Bench, and tells it what happened through `take` and its companions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path

from backends.core.contract import (
    BrokenModel,
    Capabilities,
    InvalidRequest,
    Job,
    MezzotintError,
    Picture,
    Request,
)
from desktop.model import depth
from desktop.model.bench import Bench, Reader
from desktop.model.extending import Extending
from desktop.model.form import FEATHER, NOT_EXTENDED, STRENGTH, Form, ModelChoice, sides_for
from desktop.model.guide_desk import GuideDesk
from desktop.model.language import tr
from desktop.model.problem import WITHOUT, Problem, Remedy
from desktop.model.prompts import PromptWalk
from desktop.model.queue import Entry, Ledger, NoLedger, Queue, in_size, same, without
from desktop.model.recipes import ForeignRecipe, fill
from desktop.model.refining import can_follow
from desktop.model.sentences import said
from desktop.model.settings import Settings
from desktop.model.start import StartPicture, beside_of
from desktop.model.studio import Made, Note, Studio
from desktop.model.styles import Styles
from desktop.model.work import Work

VARIATIONS = 4
"""How many variations of a picture are made at once, and how far they leave it."""
VARIATION_STRENGTH = 0.6


class Make:
    """The person's wishes and the worker's answers, turned into the studio's state."""

    def __init__(
        self,
        bench: Bench,
        models: Sequence[ModelChoice],
        form: Form | None = None,
        *,
        settings: Settings | None = None,
        styles: Styles | None = None,
        ledger: Ledger | None = None,
        reader: Reader | None = None,
    ) -> None:
        self.form = form or Form()
        self.studio, self.queue = Studio(), Queue()
        self.settings, self.styles = settings or Settings(), styles or Styles()
        self.models: Mapping[str, ModelChoice] = {choice.name: choice for choice in models}
        self.automatic, self.walk = "", PromptWalk(self.form)
        self.studio.models = tuple(models)
        self._to_shape: StartPicture | None = None
        self.work = Work(bench, self.studio, self.queue, ledger or NoLedger())
        self._bench, self._reader = bench, reader
        self.guides = GuideDesk(self.form, self.studio, bench, reader)
        self.stop, self.stop_all = self.work.stop, self.work.stop_all
        self.take, self.kept, self.not_kept = self.work.take, self.work.kept, self.work.not_kept
        self.form.events.start.connect(self._start_changed)
        self.extending = Extending(self, bench)
        self.form.events.model.connect(self._model_changed)
        if form is None:
            self.form.roll_seed()
        if form is None and models:
            self.form.use_model(models[0])

    # --- what the person does ---

    def generate(self, *, first: bool = False) -> None:
        """Sends what the form says, behind whatever waits already, or before it."""
        try:
            entry = self._entry()
        except MezzotintError as error:
            self.studio.problem = Problem(error)
            return
        self.studio.notice = ""
        self.walk.used(self.form.prompt, self.form.negative_prompt)
        self.dismiss()
        self.work.add(entry, first=first)

    def wanted(self) -> Request:
        """What the form asks for now. Raises InvalidRequest."""
        return self.form.next_request(self.styles.find(self.form.style))

    def send(self, requests: Sequence[Request]) -> None:
        """Puts these into the queue, all or none. Raises a MezzotintError."""
        for entry in [self._entry_of(request) for request in requests]:
            self.work.add(entry)

    def remedy(self, remedy: Remedy) -> None:
        """Does what a button on the error bar says."""
        problem = self.studio.problem
        self.dismiss()
        if remedy is Remedy.SAVE_AGAIN:
            self.work.keep_unsaved()
        elif problem is not None and remedy in WITHOUT:
            self._go_without(WITHOUT[remedy], problem.job)
        elif problem is not None and problem.job is not None:
            size = problem.suggested_size if remedy is Remedy.USE_SIZE else None
            change = partial(in_size, size=size) if size else same
            self.work.retry(problem.job.request.id, change)
            if size and problem.job.request.hires is None:
                self.form.use_size(*size)

    def dismiss(self) -> None:
        """Takes the error bar away."""
        self.studio.problem = None

    def dismiss_note(self) -> None:
        """Takes the note away."""
        self.studio.note = None

    def select(self, made: Made) -> None:
        """Shows a finished picture, unless one is being made."""
        self.studio.selected = made
        self.work.show_selected()

    def repeat(self, made: Made) -> None:
        """Fills the form so that Generate makes this picture again."""
        self.form.fill_from(made.request, made.event.seed, made.start, made.beside)

    def remix(self, made: Made) -> None:
        """Fills in the picture's settings, but the next one gets a new seed."""
        self.repeat(made)
        self.form.seed_locked = False

    def vary(self, made: Made) -> None:
        """Makes another picture with these settings and a new seed."""
        self.repeat(made)
        self.form.seed_locked = False
        self.generate()

    def use_as_start(self, path: Path) -> None:
        """Starts the next pictures from the one in this file."""
        if self._reader is not None and self._can_start():
            self._reader.open_start(path, self.start_from, self.not_opened)

    def make_variations(self, foreign: ForeignRecipe, path: Path) -> None:
        """Makes some pictures that start from the one in this file, with its own words and new seeds."""

        def go(picture: StartPicture) -> None:
            fill(self.form, foreign.recipe, self.models)
            self.form.references, self.form.guides = foreign.references, foreign.guides
            self.use_start(picture)
            self.form.strength, self.form.count = VARIATION_STRENGTH, VARIATIONS
            self.form.seed_locked = False
            self.generate()

        if self._reader is not None and self._can_start():
            self._reader.open_start(path, go, self.not_opened)

    def drop_recipe(self, path: Path) -> None:
        """Fills the form from a picture's file, whichever program made it."""
        if self._reader is not None:
            self._reader.open_recipe(path, self.use_recipe, self.not_opened)

    def start_from(self, picture: StartPicture) -> None:
        """Starts the next pictures from this one, in its shape."""
        self._to_shape = picture
        self.form.start = picture

    def bring_depth_map(self, path: Path) -> None:
        """Takes the depth from the picture in this file."""
        if self._reader is not None:
            self._reader.open_start(path, lambda picture: self.form.use_depth("", picture), self.not_opened)

    def use_start(self, picture: StartPicture | None) -> None:
        """Starts the next pictures from this one, whatever its shape; or from noise again."""
        self.form.start = picture
        if picture is None:
            self.form.strength = STRENGTH

    # --- what comes back ---

    def offer(self, models: Sequence[ModelChoice]) -> None:
        """These models are installed now."""
        self.models = {choice.name: choice for choice in models}
        self.studio.models = tuple(models)

    def use_recipe(self, foreign: ForeignRecipe) -> None:
        """Fills the form from a recipe, and says what could not be taken over."""
        before = {each.name: getattr(self.form, each.name) for each in fields(Form)}
        left = (*fill(self.form, foreign.recipe, self.models), *foreign.extras)
        self.form.references, self.form.guides = foreign.references, foreign.guides
        if foreign.depth_map is not None:
            self.form.use_depth("", foreign.depth_map)
        if foreign.start is not None:
            self.form.start, self.form.strength = foreign.start, foreign.recipe.strength or STRENGTH
            self._take_inpainting(foreign)
        text = tr("The settings of a picture from {program} are in the form.", program=foreign.program)
        if left:
            text += " " + tr("Not taken over: {count}.", count=len(left))
        self.studio.note = Note(text, left, tr("Put back"), lambda: self._put_back(before))

    def not_opened(self, error: MezzotintError) -> None:
        """A file could not be read."""
        self.studio.problem = Problem(error)

    def worker_ready(self, name: str, backend: str = "") -> None:
        """The worker is warm; `backend` is the id that "auto" means here."""
        self.automatic = backend
        self.studio.engine = tr("{name}: ready", name=name)

    def worker_troubled(self, error: MezzotintError) -> None:
        """The worker started but can't make pictures."""
        self.studio.engine = tr("Not ready")
        self.studio.problem = Problem(error)

    def worker_stopped(self, reason: str) -> None:
        """It ended while idle: no picture is lost, and the next one starts it again."""
        self.studio.engine = tr("Starts with the next picture")
        self.studio.notice = said(reason)

    def learn(self, about: Capabilities | None) -> None:
        """What the backend in use can do; None while that is not known."""
        if about is None or "image_to_image" in about.features:
            self.studio.no_start = ""
        else:
            self.studio.no_start = tr("{name} can't start from a picture.", name=about.name)

    # --- parts ---

    def _entry(self) -> Entry:
        return self._entry_of(self.wanted())

    def _entry_of(self, request: Request) -> Entry:
        folder, start = self._folder(request.model), self.form.start
        if start is not None and self.studio.no_start:
            raise self._no_start(tr("Remove the start picture, or choose another backend in Settings."))
        self.guides.check(request)
        depth.check(request, self.models[request.model])
        refiner = self._folder(request.refiner.model) if request.refiner else None
        place = self.settings.place(self.automatic)
        job = Job(request=request, model_folder=folder, refiner_folder=refiner, **place)
        return Entry(job=job, start=start, beside=beside_of(request, self.form.beside))

    def _go_without(self, parts: tuple[str, str], failed: Job | None) -> None:
        """Makes the picture without what was refused, which leaves the form too; a note brings it back."""
        field, part = parts
        before = {field: getattr(self.form, field)}
        setattr(self.form, field, type(before[field])())
        if failed is None:
            self.generate()
        else:
            self.work.retry(failed.request.id, partial(without, part))
        words = {
            "guides": tr("The guides are left out."),
            "references": tr("The reference pictures are left out."),
            "vae": tr("The model's own VAE is used."),
        }
        self.studio.note = Note(words[field], (), tr("Put back"), lambda: self._put_back(before))

    def _can_start(self) -> bool:
        """Says so where it can't."""
        if self.studio.no_start:
            self.not_opened(self._no_start(tr("Choose another backend in Settings.")))
        return not self.studio.no_start

    def _no_start(self, action: str) -> InvalidRequest:
        return InvalidRequest(self.studio.no_start, action)

    def _folder(self, model: str) -> Path:
        if model not in self.models:
            raise BrokenModel(
                tr("The model {model} is not installed.", model=model), tr("Choose another model.")
            )
        return self.models[model].folder

    def _take_inpainting(self, foreign: ForeignRecipe) -> None:
        left, top, right, bottom = foreign.extend
        sides = self.form.width - left - right, self.form.height - top - bottom
        if min(sides) > 0:
            self.form.use_size(*sides)
            self.form.use_inpainting(foreign.mask, foreign.feather, foreign.extend)

    def _start_changed(self, picture: StartPicture | None) -> None:
        self.studio.start_look = None
        self.form.use_inpainting(None, FEATHER, NOT_EXTENDED)
        if picture is not None:
            self._bench.look(
                picture,
                lambda small, size: self._looked(picture, small, size),
                lambda error: self._not_looked(picture, error),
            )

    def _model_changed(self, name: str) -> None:
        """A refiner that can't follow the new model is left out, and depth where it is of no use."""
        choice = self.models.get(name)
        if choice is not None and not choice.takes_depth:
            self.form.use_depth("", None)
        second = self.models.get(self.form.refiner)
        if second is not None and not can_follow(self.models.get(name), second):
            self.form.use_refiner(None)

    def _looked(self, picture: StartPicture, small: Picture, size: tuple[int, int]) -> None:
        if picture is self.form.start:
            self.studio.start_size, self.studio.start_look = size, small
        if picture is self._to_shape:
            self.form.use_size(*sides_for(*size, self.form.width * self.form.height))
            self._to_shape = None

    def _not_looked(self, picture: StartPicture, error: MezzotintError) -> None:
        """It can't be read, so it is no start picture."""
        if picture is self.form.start:
            self.use_start(None)
            self.studio.problem = Problem(error)

    def _put_back(self, before: Mapping[str, object]) -> None:
        for name, value in before.items():
            setattr(self.form, name, value)
        self.dismiss_note()

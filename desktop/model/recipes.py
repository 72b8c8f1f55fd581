"""From how a picture was made, by whichever program, to what the form can say of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from backends.core.contract import MAX_SEED, MAX_SIDE, MAX_STEPS, MIN_SIDE, SAMPLERS, Hires, Refiner
from desktop.library.record import Controlled, InitPicture, Inpainted
from desktop.model.form import Form, ModelChoice
from desktop.model.guides import Guide
from desktop.model.language import tr
from desktop.model.refining import can_follow
from desktop.model.start import StartPicture

_STEP = 8
_MAX_SKIP = 11


class Recipe(Protocol):
    """How one picture was made; None is for what is not known. The library's Record is one."""

    @property
    def prompt(self) -> str: ...
    @property
    def negative_prompt(self) -> str: ...
    @property
    def model(self) -> str | None: ...
    @property
    def width(self) -> int | None: ...
    @property
    def height(self) -> int | None: ...
    @property
    def steps(self) -> int | None: ...
    @property
    def guidance_scale(self) -> float | None: ...
    @property
    def sampler(self) -> str | None: ...
    @property
    def seed(self) -> int | None: ...
    @property
    def strength(self) -> float | None: ...
    @property
    def clip_skip(self) -> int | None: ...
    @property
    def hires(self) -> Hires | None: ...
    @property
    def vae(self) -> str | None: ...
    @property
    def depth_by(self) -> str | None: ...
    @property
    def depth_map(self) -> InitPicture | None: ...
    @property
    def refiner(self) -> Refiner | None: ...
    @property
    def inpainting(self) -> Inpainted | None: ...
    @property
    def references(self) -> tuple[InitPicture, ...]: ...
    @property
    def controls(self) -> tuple[Controlled, ...]: ...


@dataclass(frozen=True)
class ForeignRecipe:
    """A recipe, the program that wrote it, and what it holds besides, which we have no field for.

    `start` is the picture it started from, where that is still at hand; `mask` to `extend` are what was made
    anew in it. `references`, `guides` and `depth_map` are those whose pictures are at hand.
    """

    recipe: Recipe
    program: str
    extras: tuple[str, ...] = ()
    start: StartPicture | None = None
    mask: bytes | None = None
    feather: int = 0
    extend: tuple[int, int, int, int] = (0, 0, 0, 0)
    references: tuple[StartPicture, ...] = ()
    guides: tuple[Guide, ...] = ()
    depth_map: StartPicture | None = None


def fill(form: Form, recipe: Recipe, models: Mapping[str, ModelChoice]) -> tuple[str, ...]:
    """Sets what the recipe says and this program can do; returns the rest, a phrase each.

    Of pictures a recipe has only the names: a ForeignRecipe has those that were found.
    """
    form.style, form.start, form.count = "", None, 1
    form.references, form.guides = (), ()
    form.prompt, form.negative_prompt = recipe.prompt, recipe.negative_prompt
    left = (
        _model(form, recipe.model, models),
        _size(form, recipe.width, recipe.height),
        _steps(form, recipe.steps),
        _guidance(form, recipe.guidance_scale),
        _sampler(form, recipe.sampler, models),
        _clip_skip(form, recipe.clip_skip),
        _seed(form, recipe.seed),
        _refiner(form, recipe.refiner, models),
    )
    form.use_hires(recipe.hires)
    form.vae = recipe.vae or ""
    form.use_depth(recipe.depth_by or "", None)
    return tuple(phrase for phrase in left if phrase)


def _model(form: Form, name: str | None, models: Mapping[str, ModelChoice]) -> str:
    """By name or title, whatever the case."""
    choice = _called(name or "", models)
    if choice is not None:
        form.model = choice.name
    return tr("Model {name}: it is not installed", name=name) if name and choice is None else ""


def _called(name: str, models: Mapping[str, ModelChoice]) -> ModelChoice | None:
    wanted = name.casefold()
    named = (each for each in models.values() if wanted in (each.name.casefold(), each.title.casefold()))
    return next(named, None)


def _refiner(form: Form, wanted: Refiner | None, models: Mapping[str, ModelChoice]) -> str:
    """One that can finish pictures of the form's model."""
    form.use_refiner(None)
    if wanted is None:
        return ""
    choice = _called(wanted.model, models)
    if choice is None:
        return tr("Refiner {name}: it is not installed", name=wanted.model)
    if not can_follow(models.get(form.model), choice):
        return tr("Refiner {name}: it is for models of another kind", name=choice.title)
    form.use_refiner(replace(wanted, model=choice.name))
    return ""


def _size(form: Form, width: int | None, height: int | None) -> str:
    if width is None or height is None:
        return ""
    sides = _nearest(width), _nearest(height)
    form.use_size(*sides)
    if sides == (width, height):
        return ""
    return tr(
        "Size {wanted}: it became {used}", wanted=f"{width} x {height}", used=f"{sides[0]} x {sides[1]}"
    )


def _nearest(side: int) -> int:
    return min(MAX_SIDE, max(MIN_SIDE, round(side / _STEP) * _STEP))


def _steps(form: Form, steps: int | None) -> str:
    if steps is None:
        return ""
    if not 1 <= steps <= MAX_STEPS:
        return tr("Steps {steps}", steps=steps)
    form.steps = steps
    return ""


def _guidance(form: Form, scale: float | None) -> str:
    if scale is None:
        return ""
    if not 0 <= scale <= 100:
        return tr("Guidance {scale}", scale=scale)
    form.guidance_scale = scale
    return ""


def _sampler(form: Form, sampler: str | None, models: Mapping[str, ModelChoice]) -> str:
    choice = models.get(form.model)
    if sampler in SAMPLERS and choice and choice.samplers and sampler not in choice.samplers:
        return tr("Sampler {name}: {model} can't use it", name=SAMPLERS[str(sampler)], model=choice.title)
    if sampler is not None and sampler in SAMPLERS:
        form.sampler = sampler
        return ""
    return tr("Sampler {name}: there is none like it", name=sampler) if sampler else ""


def _clip_skip(form: Form, skip: int | None) -> str:
    if skip is None or not 0 <= skip <= _MAX_SKIP:
        return "" if skip is None else tr("CLIP skip {skip}", skip=skip)
    form.clip_skip = skip
    return ""


def _seed(form: Form, seed: int | None) -> str:
    if seed is None:
        return ""
    if not 0 <= seed < MAX_SEED - form.count:
        return tr("Seed {seed}", seed=seed)
    form.choose_seed(seed)
    return ""

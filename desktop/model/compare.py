"""Pictures side by side: what differs in how they were made, and nothing else."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from psygnal import SignalGroupDescriptor

from backends.core.contract import SAMPLERS
from desktop.library.record import Controlled
from desktop.model import depth, guides, hires_told, inpainted, refining
from desktop.model.language import tr
from desktop.model.recipes import Recipe

FEWEST, MOST = 2, 4
_HASH = 8


@dataclass(frozen=True)
class Item:
    """A picture to compare: a name that tells it from others, and how it was made."""

    key: Hashable
    recipe: Recipe
    seconds: float = 0.0
    backend: str = ""


@dataclass(kw_only=True)
class Comparison:
    """The pictures that are compared, in order. `events.items` says when they change."""

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    items: tuple[Item, ...] = ()


@dataclass(frozen=True)
class Difference:
    """A setting that is not the same for all, and what it is for each."""

    name: str
    values: tuple[str, ...]


def differences(items: Sequence[Item]) -> tuple[Difference, ...]:
    """What differs, setting by setting; the seed first, because people look for it."""
    columns = [_settings(item) for item in items]
    names = list(dict.fromkeys(name for column in columns for name in column))
    rows = [Difference(name, tuple(column.get(name, "") for column in columns)) for name in names]
    return tuple(row for row in rows if len(set(row.values)) > 1)


def _settings(item: Item) -> dict[str, str]:
    recipe = item.recipe
    size = f"{recipe.width} x {recipe.height}" if recipe.width and recipe.height else ""
    return {
        tr("Seed"): _words(recipe.seed),
        tr("Prompt"): recipe.prompt.strip(),
        tr("Left out"): recipe.negative_prompt.strip(),
        tr("Model"): recipe.model or "",
        tr("Size"): size,
        tr("Hi-res fix"): hires_told.told(recipe.hires, (recipe.width or 0, recipe.height or 0)),
        tr("Refiner"): refining.told(recipe.refiner),
        tr("Steps"): _words(recipe.steps),
        tr("Guidance"): _words(recipe.guidance_scale),
        tr("Sampler"): SAMPLERS.get(recipe.sampler or "", recipe.sampler or ""),
        tr("Strength"): _words(recipe.strength),
        tr("Made anew"): _made_anew(recipe),
        tr("Guides"): guides.told(recipe.controls, list(map(_guiding, recipe.controls))),
        tr("References"): ", ".join(picture.name for picture in recipe.references),
        tr("VAE"): recipe.vae or "",
        tr("Depth"): depth.told(recipe.depth_by, recipe.depth_map.name if recipe.depth_map else ""),
        tr("CLIP skip"): _words(recipe.clip_skip),
        tr("Backend"): item.backend,
        tr("Time"): f"{item.seconds:.1f} s" if item.seconds else "",
    }


def _made_anew(recipe: Recipe) -> str:
    """What was masked or extended; two masks are told apart by the beginning of their SHA-256."""
    made = recipe.inpainting
    if made is None:
        return ""
    told = inpainted.told(bool(made.mask), made.feather, made.extend)
    return f"{told} ({made.sha256[:_HASH]})" if made.sha256 else told


def _guiding(told: Controlled) -> str:
    """The picture's name; poses made in the window have one name, and are told apart as masks are."""
    name = told.picture.name
    return f"{name} ({told.picture.sha256[:_HASH]})" if told.pose else name


def _words(value: float | None) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)

"""Reads the installed models for the Models screen. The views reach it by name only (desktop/cupboard.py)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from backends.core import coreml_folder, coreml_prepare
from backends.core.contract import MezzotintError
from backends.core.model_folder import ModelFolder, open_folder
from desktop.downloads.job import waiting
from desktop.library import paths
from desktop.library.model_papers import licence, made_sizes, written_sha256
from desktop.library.models import InstalledModel, installed_models, models_in
from desktop.library.trash import move_to_trash
from desktop.model.models_card import ModelCard, Place
from desktop.model.models_state import HalfFetched, Listing
from desktop.model.sentences import said

_HALF = ".converting"


def look_around(folders: tuple[str, ...]) -> Listing:
    """What is installed, and which conversions (convert/publish.py) and downloads stand half done."""
    own = paths.models_folder()
    half = tuple(
        HalfFetched(name=each.plan.name, source=each.plan.repo, done=each.done, of=each.plan.size)
        for each in waiting(own)
    )
    return Listing(cards=read_cards(folders), broken_off=_broken_off(own), waiting=half)


def read_cards(folders: Iterable[str] = ()) -> tuple[ModelCard, ...]:
    """Every installed model, the starter first; then those in the folders that the settings name."""
    own = paths.models_folder()
    cards = [_read(model, "own" if model.folder.parent == own else "shipped") for model in installed_models()]
    known = {card.folder for card in cards}
    others = [each for each in models_in(map(paths.expand, folders)) if each.folder not in known]
    return (*cards, *(_read(model, "elsewhere") for model in others))


def _read(model: InstalledModel, place: Place) -> ModelCard:
    told: dict[str, Any] = {
        "name": model.name,
        "title": Path(model.name).name,
        "folder": model.folder,
        "place": place,
        "bytes": model.size_bytes(),
    }
    try:
        folder = open_folder(model.folder)
        told |= _papers(folder)
        _check(folder)
        told["sha256"] = written_sha256(folder)
    except MezzotintError as error:
        problem = f"{said(error.message)} {said(error.action)}"
        return ModelCard(**told, problem=problem, outdated=_is_outdated(told))
    return ModelCard(**told)


def _papers(folder: ModelFolder) -> dict[str, Any]:
    """What is known of a model even when its weights are not whole. Raises BrokenModel."""
    manifest, facts = folder.manifest, folder.facts
    conversion: object = manifest.get(str(manifest.get("made_for")))
    return {
        "title": str(manifest.get("title") or facts.name),
        "family": facts.family,
        "licence": licence(folder),
        "origin": str(manifest.get("origin", "")),
        "defaults": facts.defaults,
        "samplers": facts.samplers,
        "size_step": facts.size_step,
        "sizes": made_sizes(folder),
        "takes_controls": facts.takes_controls,
        "takes_references": facts.takes_references,
        "refines": facts.refines,
        "has_refiner": facts.has_refiner,
        "preparable": facts.family in coreml_folder.FAMILIES,
        "made_for": str(manifest.get("made_for") or ""),
        "conversion": cast(Mapping[str, Any], conversion) if isinstance(conversion, dict) else {},
    }


def _check(folder: ModelFolder) -> None:
    """Raises BrokenModel for what can be seen without reading the weights."""
    if folder.manifest.get("made_for") == coreml_folder.MADE_FOR:
        coreml_folder.glance(folder)
    else:
        folder.check_lengths()


def _is_outdated(told: Mapping[str, Any]) -> bool:
    made_by: object = told.get("conversion", {}).get("converter")
    return told.get("made_for") == coreml_folder.MADE_FOR and made_by != coreml_folder.CONVERTER


def read_sha256(card: ModelCard) -> str:
    """The SHA-256 that is written down, else the denoiser's, read now; "" for a model that is not whole."""
    if card.problem:
        return ""
    try:
        folder = open_folder(card.folder)
        if card.made_for == coreml_folder.MADE_FOR:
            return coreml_folder.glance(folder).hash
        return written_sha256(folder) or folder.model_hash()
    except (MezzotintError, OSError):
        return ""


def throw_away(folder: Path) -> bool:
    """Moves a model, or what is half made of one, to the trash, and forgets what was compiled of it.

    Returns whether it is gone.
    """
    compiled = _compiled_of(folder)
    gone = not move_to_trash([folder])
    if gone and compiled is not None:
        coreml_prepare.forget(compiled)
    return gone


def _compiled_of(folder: Path) -> coreml_folder.ConvertedModel | None:
    try:
        return coreml_folder.glance(open_folder(folder))
    except MezzotintError:
        return None


def _broken_off(folder: Path) -> dict[str, int]:
    half = sorted(folder.glob(f".*{_HALF}")) if folder.is_dir() else []
    return {path.name[1 : -len(_HALF)]: len(list((path / "finished").glob("*.json"))) for path in half}

"""Reads what a prompt can name, for the window (by name only, desktop/additions_room.py) and the command."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from backends.core import controlnet_fit, lora_facts, lora_fit, vae_fit
from backends.core.contract import BrokenModel, InvalidRequest, MezzotintError
from backends.core.lora_facts import Facts
from backends.core.lora_fit import Model
from backends.core.model_folder import ModelFolder, open_folder
from backends.core.shelf import CONTROLNETS, DEPTH_MODELS, EMBEDDINGS, LORAS, WILDCARDS, Shelf
from desktop.library.additions import search_folders
from desktop.model.additions import AdditionCard, Found, Kind
from desktop.model.guides import NetCard
from desktop.model.sentences import said


def look_around(model: Path | None, others: tuple[Path, ...] = ()) -> Found:
    """Everything in the folders of the settings and these, compared with the model in this folder."""
    search = search_folders(others)
    shelf, opened = Shelf(search), _opened(model)
    compared, unet = _model(opened), opened.configs.get("unet") if opened else None
    cards = [*_loras(shelf, compared), *_embeddings(shelf, compared), *_wildcards(shelf)]
    cards.sort(key=lambda card: card.name.casefold())
    own = search[0]
    folders: dict[Kind, Path] = {
        "lora": own / LORAS[0],
        "embedding": own / EMBEDDINGS[0],
        "wildcard": own / WILDCARDS[0],
    }
    return Found(
        cards=tuple(cards),
        shelf=shelf,
        folders=folders,
        upscalers=tuple(shelf.upscalers),
        pickled_upscalers=tuple(shelf.pickled_upscalers),
        nets=tuple(_nets(shelf, unet)),
        nets_folder=own / CONTROLNETS[0],
        depth_models=tuple(shelf.depth_models),
        depth_folder=own / DEPTH_MODELS[0],
        vaes=dict(_vaes(shelf, opened)),
    )


def _opened(folder: Path | None) -> ModelFolder | None:
    try:
        return open_folder(folder) if folder else None
    except MezzotintError:
        return None  # nothing can be said of a model that is not whole


def _model(opened: ModelFolder | None) -> Model | None:
    try:
        return lora_fit.read_model(opened) if opened else None
    except MezzotintError:
        return None


def _loras(shelf: Shelf, model: Model | None) -> Iterator[AdditionCard]:
    for name, path in shelf.loras.items():
        yield _compared(AdditionCard(kind="lora", name=name, path=path), model, lora_fit.misfit)


def _embeddings(shelf: Shelf, model: Model | None) -> Iterator[AdditionCard]:
    for name, path in shelf.embeddings.items():
        card = AdditionCard(kind="embedding", name=name, path=path)
        readable = path.suffix.lower() == ".safetensors"  # a pickle is read when it is used, by the worker
        yield _compared(card, model, lora_fit.misfit_of_embedding) if readable else card


def _compared(card: AdditionCard, model: Model | None, misfit: Callable[[Facts, Model], str]) -> AdditionCard:
    try:
        facts = lora_facts.read_facts(card.path)
    except InvalidRequest as error:
        return replace(card, problem=_sentence(error))
    words = said(misfit(facts, model)) if model else ""
    fits = None if model is None else not words
    told = lora_fit.left_out(card.name, facts, model) if model and fits and card.kind == "lora" else ()
    left_out = tuple(map(said, told))
    return replace(card, base=facts.base, words=facts.words, misfit=words, fits=fits, left_out=left_out)


def _nets(shelf: Shelf, unet: Mapping[str, Any] | None) -> Iterator[NetCard]:
    """By name; what is no ControlNet at all stands there with the reason."""
    for name, path in sorted(shelf.controlnets.items(), key=lambda each: each[0].casefold()):
        card = NetCard(name=name, path=path)
        try:
            shapes = lora_facts.read_facts(path).shapes
        except InvalidRequest as error:
            yield replace(card, problem=_sentence(error))
            continue
        words = said(controlnet_fit.misfit(shapes, unet))
        fits = None if unet is None and not words else not words
        yield replace(card, base=controlnet_fit.base_of(shapes), misfit=words, fits=fits)


def _vaes(shelf: Shelf, opened: ModelFolder | None) -> Iterator[tuple[str, str]]:
    """By name, with why it can't stand in for the model's own, or ""."""
    for name, path in sorted(shelf.vaes.items(), key=lambda each: each[0].casefold()):
        try:
            if opened is not None and not opened.manifest.get("made_for"):
                vae_fit.check(opened, path)
            yield name, ""
        except InvalidRequest as error:
            yield name, said(error.message)
        except BrokenModel:
            yield name, ""  # what is wrong with the model is told elsewhere


def _wildcards(shelf: Shelf) -> Iterator[AdditionCard]:
    for name, path in shelf.wildcards.items():
        try:
            lines, problem = len(shelf.wildcard(name)), ""
        except InvalidRequest as error:
            lines, problem = 0, _sentence(error)
        yield AdditionCard(kind="wildcard", name=name, path=path, lines=lines, problem=problem)


def _sentence(error: InvalidRequest) -> str:
    return f"{said(error.message)} {said(error.action)}"

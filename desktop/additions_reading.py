"""Reads what a prompt can name, for the window (by name only, desktop/additions_room.py) and the command."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from backends.core import lora_facts, lora_fit
from backends.core.contract import InvalidRequest, MezzotintError
from backends.core.lora_facts import Facts
from backends.core.lora_fit import Model
from backends.core.model_folder import open_folder
from backends.core.shelf import EMBEDDINGS, LORAS, WILDCARDS, Shelf
from desktop.library.additions import search_folders
from desktop.model.additions import AdditionCard, Found, Kind
from desktop.model.sentences import said


def look_around(model: Path | None, others: tuple[Path, ...] = ()) -> Found:
    """Everything in the folders of the settings and these, compared with the model in this folder."""
    search = search_folders(others)
    shelf, compared = Shelf(search), _model(model)
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
    )


def _model(folder: Path | None) -> Model | None:
    try:
        return lora_fit.read_model(open_folder(folder)) if folder else None
    except MezzotintError:
        return None  # nothing can be said of a model that is not whole


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
    return replace(card, base=facts.base, words=facts.words, misfit=words, fits=fits)


def _wildcards(shelf: Shelf) -> Iterator[AdditionCard]:
    for name, path in shelf.wildcards.items():
        try:
            lines, problem = len(shelf.wildcard(name)), ""
        except InvalidRequest as error:
            lines, problem = 0, _sentence(error)
        yield AdditionCard(kind="wildcard", name=name, path=path, lines=lines, problem=problem)


def _sentence(error: InvalidRequest) -> str:
    return f"{said(error.message)} {said(error.action)}"

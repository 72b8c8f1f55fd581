"""Textual inversion: words whose vectors come from a file (Gal et al. 2022, arXiv:2208.01618).

Read are A1111's .pt (`string_to_param`) and .safetensors (`emb_params`), diffusers' (one entry, named by its
word), and SDXL's (`clip_l`, `clip_g`). A pickle is only ever read as weights: no code of it runs.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import safetensors.torch
import torch
from torch import Tensor

from backends.core.contract import InvalidRequest
from backends.core.prompt_tags import as_word

FIRST = 10_000_000
"""The first token number that stands for a vector: higher than any vocabulary's."""
_LARGEST = 100 * 2**20


@dataclass(frozen=True)
class Vectors:
    """The vectors that words stand for: rows of (n, width), and each word's rows as (start, end)."""

    rows: Tensor
    words: Mapping[str, tuple[int, int]]


def used_in(texts: Sequence[str], files: Mapping[str, Path]) -> dict[str, Path]:
    """The files whose names are words of these texts."""
    return {name: file for name, file in files.items() if any(as_word(name).search(text) for text in texts)}


def read(files: Mapping[str, Path], part: str, width: int) -> Vectors:
    """The vectors for one text encoder. Raises InvalidRequest for a file that is none, or does not fit."""
    rows, words, end = list[Tensor](), dict[str, tuple[int, int]](), 0
    for name, file in files.items():
        found = _vectors(file, _load(file), part)
        if found.shape[1] != width:
            raise InvalidRequest(
                f"The embedding {file.name} is for a model of another kind: its vectors have "
                f"{found.shape[-1]} numbers, and this model's {width}.",
                "Choose one made for this model, or leave the word out.",
            )
        rows.append(found)
        words[name.lower()] = (end, end := end + len(found))
    return Vectors(torch.cat(rows) if rows else torch.zeros(0, width), words)


def _load(file: Path) -> Mapping[str, Any]:
    try:
        if file.stat().st_size > _LARGEST:
            raise ValueError("too large")
        if file.suffix.lower() == ".safetensors":
            return cast(Any, safetensors.torch).load_file(file)
        loaded: object = torch.load(file, map_location="cpu", weights_only=True)
        return cast(Mapping[str, Any], loaded) if isinstance(loaded, dict) else {}
    except Exception as error:
        raise InvalidRequest(
            f"The embedding {file.name} can't be read: it is damaged, or holds more than numbers.",
            "Get it as a .safetensors file.",
        ) from error


def _vectors(file: Path, stored: Mapping[str, Any], part: str) -> Tensor:
    """(n, width) float32. An entry of one vector may lack its first axis."""
    own = {"text_encoder": "clip_l", "text_encoder_2": "clip_g"}[part]
    inside = stored.get("string_to_param")
    inner = list(cast(Mapping[str, Any], inside).values()) if isinstance(inside, Mapping) else []
    listed = [stored.get(own), stored.get("emb_params"), *inner]
    if len(stored) == 1:
        listed += list(stored.values())
    found = next((each for each in listed if isinstance(each, Tensor)), None)
    if found is None:
        raise InvalidRequest(f"{file.name} holds no embedding for this model.", "Choose another one.")
    return found.detach().float().reshape(-1, found.shape[-1])


class WordReader:
    """A tokenizer that also knows words of files: each becomes as many tokens as it has vectors."""

    def __init__(self, tokenizer: Any, vectors: Vectors) -> None:
        self._tokenizer, self._vectors = tokenizer, vectors
        self._pattern = as_word(*vectors.words) if vectors.words else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)

    def __call__(self, text: str, **settings: Any) -> Any:
        if self._pattern is None:
            return self._tokenizer(text, **settings)
        ids: list[int] = []
        for number, piece in enumerate(self._pattern.split(text)):
            if number % 2:
                ids += (FIRST + row for row in range(*self._vectors.words[piece.lower()]))
            elif piece.strip():
                ids += self._tokenizer(piece, **settings).input_ids
        return SimpleNamespace(input_ids=ids)

    def convert_ids_to_tokens(self, ids: Sequence[int]) -> list[str]:
        return [self._written(number) for number in ids]

    def _written(self, number: int) -> str:
        if number < FIRST:
            return str(self._tokenizer.convert_ids_to_tokens([number])[0])
        row = number - FIRST
        return next(word for word, (start, end) in self._vectors.words.items() if start <= row < end)


@contextmanager
def standing_for(embedding: Any, token_ids: Tensor, rows: Tensor) -> Generator[Tensor]:
    """While this is open, `embedding` gives these rows at the places of such tokens.

    Gives the ids to call the encoder with, in which an ordinary token holds those places.
    """
    if not len(rows):
        yield token_ids
        return
    places = token_ids >= FIRST

    def put(module: Any, args: Any, output: Tensor) -> Tensor:
        if not places.any():
            return output
        changed = output.clone()
        changed[places.to(output.device)] = rows[token_ids[places] - FIRST].to(output)
        return changed

    handle = embedding.register_forward_hook(put)
    try:
        yield torch.where(places, torch.zeros_like(token_ids), token_ids)
    finally:
        handle.remove()

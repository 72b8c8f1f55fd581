"""Small pictures for tests of the library."""

from __future__ import annotations

from pathlib import Path

from backends.core.contract import Picture, Request
from desktop.library import saving
from desktop.library.database import Library
from desktop.library.index import add_pictures, read_picture_file
from desktop.library.pictures import encode_picture
from desktop.library.record import Record

RECORD = Record(
    prompt="a panda eating tacos",
    model="starter",
    seed=1,
    width=8,
    height=8,
    created="2026-11-22T10:00:00+00:00",
)
REQUEST = Request(
    prompt="a panda", negative_prompt="rain", width=64, height=64, steps=4, guidance_scale=5,
    sampler="euler", seed=1,
)  # fmt: skip


def save(folder: Path, record: Record = RECORD, stem: str = "a") -> Path:
    """A durable picture file that no library knows of."""
    return saving.save_new(encode_picture(Picture(8, 8, bytes(192)), record), folder, stem)


def keep(library: Library, folder: Path, record: Record = RECORD, stem: str = "a") -> Path:
    """A durable picture file with its row."""
    path = save(folder, record, stem)
    add_pictures(library, [read_picture_file(path)])
    return path

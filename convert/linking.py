"""A model folder under another name, without a second copy of its files where the disk can."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from backends.core.contract import BrokenModel
from backends.core.model_folder import open_folder
from backends.core.own_depth import network_of

_SMALL = (".json", ".txt", ".model")
"""Files that are not weights: configurations and vocabularies."""


def link_folder(source: Path, folder: Path, say: Callable[[str], object]) -> None:
    say("Linking the folder")
    opened = open_folder(source)
    link(source / "model_index.json", folder / "model_index.json")
    _check_inside(source)
    for part in opened.configs:
        files = opened.weight_files(part) if part in opened.networks else []
        small = [path for path in (source / part).iterdir() if path.suffix in _SMALL]
        for path in {*files, *small}:
            link(path, folder / part / path.name)
    if opened.facts.finds_depth:
        link_depth(source, folder)
    if (source / "model.json").exists():
        link(source / "model.json", folder / "model.json")


def link_depth(source: Path, folder: Path) -> None:
    """The depth network that a model for depth brings."""
    if own := network_of(source):
        small = [path for at in (own.folder, own.preparing) for path in at.iterdir() if path.suffix in _SMALL]
        for path in (own.weights, *small):
            link(path, folder / path.relative_to(source))


def _check_inside(source: Path) -> None:
    """A folder may hold links, as a hub's cache does, but only to what is its own."""
    own = [Path(os.path.realpath(source))]
    if source.parent.name == "snapshots":
        own.append(own[0].parent.parent / "blobs")
    for path in source.rglob("*"):
        if path.is_symlink() and not any(Path(os.path.realpath(path)).is_relative_to(each) for each in own):
            raise BrokenModel(
                f"In the folder {source.name}, {path.name} is a link to something outside it.",
                "Copy the real file there.",
            )


def link(source: Path, target: Path) -> None:
    """The same file under another name where the disk can, else a copy; folders file by file."""
    if source.is_dir():
        for path in source.iterdir():
            if path.is_file():
                link(path, target / path.name)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)

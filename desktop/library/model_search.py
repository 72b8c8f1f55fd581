"""Models in other programs' folders: which there are, where, and the single files that could be imported.

A folder is looked through by what it holds, whoever made it: a Hugging Face hub cache
(`models--owner--name/snapshots/<commit>`), folders in the diffusers layout, and A1111's, ComfyUI's and
Draw Things' folders of single files. Nothing is opened here, only listed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

SUFFIXES = (".safetensors", ".ckpt", ".gguf")
_INSIDE = (
    "",
    "Stable-diffusion",  # A1111 and Forge
    "models/Stable-diffusion",
    "VAE",
    "models/VAE",
    "checkpoints",  # ComfyUI
    "models/checkpoints",
    "diffusion_models",
    "models/diffusion_models",
    "unet",
    "models/unet",
    "vae",
    "models/vae",
    "text_encoders",
    "models/text_encoders",
    "clip",
    "models/clip",
    "Models",  # Draw Things
)
_DEEPEST = 2
"""People sort their checkpoints into folders, and folders in folders."""


@dataclass(frozen=True)
class FoundFolder:
    """A model in the diffusers layout; `name` is the hub's "owner/name" where it is from its cache."""

    name: str
    folder: Path


@dataclass(frozen=True)
class FoundFile:
    """A single file that may be a model."""

    path: Path
    size_bytes: int


def model_folders_in(folder: Path) -> Iterator[FoundFolder]:
    """The folder itself if it is a model; else those in it, and in the hub cache that it may be."""
    if _is_pipeline(folder):
        yield FoundFolder("", folder)
        return
    for path in _folders(folder):
        if _is_pipeline(path):
            yield FoundFolder("", path)
        elif path.name.startswith("models--") and (snapshot := _snapshot(path)) is not None:
            yield FoundFolder(path.name.removeprefix("models--").replace("--", "/", 1), snapshot)
        elif path.name in ("hub", "diffusers"):  # HF_HOME holds "hub", A1111's forks keep "diffusers"
            yield from model_folders_in(path)


def files_in(folder: Path) -> list[FoundFile]:
    """The single files in the places where other programs keep theirs, each once, by name."""
    found: dict[Path, FoundFile] = {}
    if not _is_pipeline(folder):
        for inside in _INSIDE:
            for path in _walk(folder / inside, _DEEPEST if inside else 0):
                found.setdefault(_real(path), FoundFile(path, _size(path)))
    return sorted(found.values(), key=lambda file: file.path.name.casefold())


def usual_places(environment: Mapping[str, str] = os.environ) -> list[Path]:
    """Where other programs keep models when nobody says otherwise; those that are there."""
    user = Path(os.path.expanduser("~"))
    hub = environment.get("HF_HUB_CACHE") or os.path.join(
        environment.get("HF_HOME") or user / ".cache/huggingface", "hub"
    )
    places = [
        Path(hub),
        *(user / name for name in ("stable-diffusion-webui", "ComfyUI", "Documents/ComfyUI")),
    ]
    if sys.platform == "darwin":
        places.append(user / "Library/Containers/com.liuliu.draw-things/Data/Documents/Models")
    return [place for place in places if place.is_dir()]


def _snapshot(cached: Path) -> Path | None:
    """Of the commits that are kept the one that "main" means, else the newest that is whole."""
    try:
        commit = (cached / "refs" / "main").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        commit = ""
    snapshots = [path for path in _folders(cached / "snapshots") if _is_pipeline(path)]
    named = [path for path in snapshots if path.name == commit]
    newest = sorted(snapshots, key=lambda path: path.stat().st_mtime)
    return (named or newest or [None])[-1]


def _walk(folder: Path, deeper: int) -> Iterator[Path]:
    for path in _entries(folder):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            yield path
    if deeper:
        for path in _folders(folder):
            if not _is_pipeline(path):
                yield from _walk(path, deeper - 1)


def _is_pipeline(folder: Path) -> bool:
    return (folder / "model_index.json").is_file()


def _folders(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if path.is_dir() and not path.name.startswith(".")]


def _entries(folder: Path) -> Iterable[Path]:
    try:
        return sorted(folder.iterdir(), key=lambda path: path.name.casefold())
    except OSError:
        return []


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0

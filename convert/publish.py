"""A conversion's own folder until it is whole: parts are kept as they are finished, and one rename publishes.

Beside the model to be, NAME, stands `.NAME.converting`, which no list of models shows:
    order.json      what was asked for; another order begins anew
    finished/X.json a network that is done: its packages, and the hashes of their files
    making/         the network that is being made now; thrown away by the next run
    model/          the folder that becomes NAME
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from backends.core.contract import InvalidRequest, SaveFailed

_COPIED = ("scheduler", "tokenizer", "tokenizer_2")
_CONFIGS = ("text_encoder", "text_encoder_2", "unet", "vae")
_PAPERS = ("model_index.json", "README.md", "NOTICE", "LICENSE", "LICENSE.md")


@dataclass(frozen=True)
class Finished:
    """A network's packages in the order they run, and the SHA-256 and length of each of their files."""

    packages: tuple[str, ...]
    files: Mapping[str, Mapping[str, Any]]


class Workbench:
    """See the module's docstring. Raises InvalidRequest when the model is there already and is to stay."""

    def __init__(self, destination: Path, order: Mapping[str, Any], *, replace: bool = False) -> None:
        self.destination, self._replace = destination, replace
        if destination.exists() and not replace:
            raise InvalidRequest(
                f"There is already a model {destination.name} in {destination.parent}.",
                "Choose another --name, or use --replace.",
            )
        self._path = destination.with_name(f".{destination.name}.converting")
        self._finished, self._making, self._model = (
            self._path / each for each in ("finished", "making", "model")
        )
        with _saying(self._path):
            self._begin(dict(order))

    def finished(self, name: str) -> Finished | None:
        """What is known of a network that is done and still whole, or None."""
        found = _read(self._finished / f"{name}.json")
        if found is None:
            return None
        done = Finished(tuple(found["packages"]), found["files"])
        whole = all(_length(self._model / path) == each["bytes"] for path, each in done.files.items())
        return done if whole else None

    def add(self, name: str, make: Callable[[Path], list[str]]) -> Finished:
        """Runs `make` in an empty folder and keeps the packages whose names it returns."""
        with _saying(self._path):
            _empty(self._making)
            packages = make(self._making)
            files: dict[str, Mapping[str, Any]] = {}
            for package in packages:
                self._keep(package, files)
            done = Finished(tuple(packages), files)
            _write(self._finished / f"{name}.json", {"packages": packages, "files": files})
            shutil.rmtree(self._making)
        return done

    @property
    def model(self) -> Path:
        """The folder that is to be published, as far as it is there."""
        return self._model

    def describe(self, manifest: Mapping[str, Any]) -> None:
        """Writes model.json as it is so far, for those who look into the folder before it is published."""
        _write(self._model / "model.json", manifest)

    def publish(self, source: Path, manifest: Mapping[str, Any]) -> Path:
        """Copies the small files, writes model.json, and gives the folder its name."""
        with _saying(self.destination):
            files = dict(manifest["files"]) | _copy_small_files(source, self._model)
            _write(self._model / "model.json", {**manifest, "files": dict(sorted(files.items()))})
            if self._replace and self.destination.exists():
                old = self._path / "replaced"
                shutil.rmtree(old, ignore_errors=True)
                self.destination.rename(old)
            self._model.rename(self.destination)
            _sync(self.destination.parent)
            shutil.rmtree(self._path, ignore_errors=True)
        return self.destination

    def _begin(self, order: dict[str, Any]) -> None:
        if _read(self._path / "order.json") != order:
            shutil.rmtree(self._path, ignore_errors=True)
        for folder in (self._finished, self._model):
            folder.mkdir(parents=True, exist_ok=True)
        _write(self._path / "order.json", order)

    def _keep(self, package: str, files: dict[str, Mapping[str, Any]]) -> None:
        shutil.rmtree(self._model / package, ignore_errors=True)
        for file in sorted(path for path in (self._making / package).rglob("*") if path.is_file()):
            files[file.relative_to(self._making).as_posix()] = measure(file)
        (self._making / package).rename(self._model / package)


def measure(file: Path) -> dict[str, Any]:
    """A file's SHA-256 and length, once it is safely on disk."""
    _sync(file)
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return {"sha256": digest, "bytes": file.stat().st_size}


def _copy_small_files(source: Path, model: Path) -> dict[str, Mapping[str, Any]]:
    """Configurations, tokenizer, scheduler and papers; by path, what they are."""
    names = [name for name in _PAPERS if (source / name).is_file()]
    names += [f"{part}/config.json" for part in _CONFIGS if (source / part / "config.json").is_file()]
    for folder in _COPIED:
        names += [f"{folder}/{path.name}" for path in sorted((source / folder).glob("*")) if path.is_file()]
    for name in names:
        (model / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, model / name)
    return {name: measure(model / name) for name in names}


class _saying:
    """A full disk or a folder that can't be written, in words."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise SaveFailed(
                f"The converted model could not be written to {self._path} ({error.strerror or error}).",
                "Make room or choose another folder with --out; what is finished is kept.",
            ) from error


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _length(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None


def _read(path: Path) -> dict[str, Any] | None:
    try:
        value: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return cast(dict[str, Any], value) if isinstance(value, dict) else None


def _write(path: Path, value: Mapping[str, Any]) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(json.dumps(value, indent=2), encoding="utf-8")
    _sync(temporary)
    temporary.replace(path)


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

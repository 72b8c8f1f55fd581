"""A model folder that was converted to Core ML or Core AI: what it holds, is it whole? Stdlib only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, cast

from backends.core.contract import BrokenModel, InvalidRequest
from backends.core.contract.preparing import PLACES
from backends.core.model_folder import ModelFolder, open_folder, sha256

MADE_FOR: Final = "coreml"
COREAI: Final = "coreai"
_NAMES: Final = {MADE_FOR: "Core ML", COREAI: "Core AI"}
_SUFFIXES: Final = {MADE_FOR: ".mlpackage", COREAI: ".aimodel"}
CONVERTER: Final = 1
"""The converter whose folders this version opens (convert/recipes.CONVERTER, which a test compares)."""
FAMILIES: Final = ("sd1", "sdxl")
"""The families that are converted."""
_NETWORKS: Final = ("text_encoder", "text_encoder_2", "unet", "vae_decoder", "vae_encoder")
_AGAIN: Final = "Prepare it again: in Models, or with mezzotint convert --replace."

Size = tuple[int, int]
FileCheck = Callable[[str, Path, Mapping[str, Any]], None]
"""Is given a package's name, a file of it and what model.json says of that; raises BrokenModel."""


@dataclass(frozen=True)
class ConvertedModel:
    """A converted folder, read and checked.

    `functions` maps a size to the function that makes it; `preview` holds the matrix and bias of
    backends/core/preview.py.
    """

    folder: ModelFolder
    sizes: tuple[Size, ...]
    guidance_batch: int
    bits: int
    units: str
    packages: Mapping[str, tuple[str, ...]]
    functions: Mapping[Size, str]
    preview: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.folder.facts.name

    @property
    def hash(self) -> str:
        """SHA-256 over the digests of the UNet's files."""
        listed = self._listed
        names = sorted(path for path in listed if path.split("/")[0] in self.packages["unet"])
        return hashlib.sha256("".join(listed[name]["sha256"] for name in names).encode()).hexdigest()

    @property
    def packages_hash(self) -> str:
        """SHA-256 over the digests of all packages' files: compiled, they are good for no others."""
        listed = self._listed
        names = {name for each in self.packages.values() for name in each}
        files = sorted(path for path in listed if path.split("/")[0] in names)
        told = "".join(f"{path}={listed[path]['sha256']};" for path in files)
        return hashlib.sha256(told.encode()).hexdigest()

    @property
    def bytes(self) -> int:
        """What all packages take on disk."""
        names = {name for each in self.packages.values() for name in each}
        return sum(int(told["bytes"]) for path, told in self._listed.items() if path.split("/")[0] in names)

    def paths(self, network: str) -> list[Path]:
        """A network's packages, in the order they run."""
        return [self.folder.path / name for name in self.packages[network]]

    def function(self, network: str, size: Size) -> str | None:
        """The function to load for pictures of this size, where packages have several."""
        return None if network.startswith("text_encoder") else self.functions.get(size)

    def check_size(self, width: int, height: int) -> None:
        """Raises InvalidRequest for a size that it was not converted for."""
        if (width, height) in self.sizes:
            return
        made = " or ".join(f"{w} x {h}" for w, h in self.sizes)
        raise InvalidRequest(
            f"This model was converted for {made}, not for {width} x {height}.",
            f"Use {made}, or convert it for {width}x{height} too: mezzotint convert --size.",
        )

    def check_packages(self, check: FileCheck) -> None:
        """Raises BrokenModel when a file of a package is missing, cut short or altered."""
        for package in (name for names in self.packages.values() for name in names):
            files = {path: each for path, each in self._listed.items() if path.split("/")[0] == package}
            if not files or not (self.folder.path / package).is_dir():
                raise BrokenModel(f"The model {self.name} lacks {package}.", _AGAIN)
            for path, each in files.items():
                check(package, self.folder.path / _inside(path), each)
            if package.endswith(_SUFFIXES[MADE_FOR]):
                _check_manifest(self.folder.path / package)

    @property
    def _listed(self) -> Mapping[str, Mapping[str, Any]]:
        return cast(Mapping[str, Mapping[str, Any]], self.folder.manifest.get("files", {}))


def open_converted(path: Path, made_for: str = MADE_FOR) -> ConvertedModel:
    """Reads a folder that was converted for this, and checks every file. Raises BrokenModel."""
    folder = open_folder(path)
    model = _opened(folder, _check_file, made_for)
    with _as_broken(folder):
        folder.check_files()
    return model


def glance(folder: ModelFolder) -> ConvertedModel:
    """As `open_converted`, but the contents of files are not read: only that they are there, and how long."""
    return _opened(folder, _check_length, MADE_FOR)


def _opened(folder: ModelFolder, check: FileCheck, made_for: str) -> ConvertedModel:
    if folder.manifest.get("made_for") != made_for:
        raise BrokenModel(
            f"The model {folder.facts.name} is not prepared for {_NAMES[made_for]}.",
            f"Prepare it first: in Models, or with mezzotint convert {folder.path.name}; "
            "or choose another backend.",
        )
    check_version(folder, made_for)
    with _as_broken(folder):
        model = _read(folder, folder.manifest[made_for])
        model.check_packages(check)
    return model


def check_version(folder: ModelFolder, made_for: str = MADE_FOR) -> None:
    """Raises BrokenModel for a folder that another version of the converter made."""
    told: object = folder.manifest.get(made_for)
    if not isinstance(told, dict) or cast(Mapping[str, Any], told).get("converter") != CONVERTER:
        raise BrokenModel(
            f"The model {folder.facts.name} was prepared for {_NAMES[made_for]} by another version of "
            "Mezzotint.",
            _AGAIN,
        )


@contextmanager
def _as_broken(folder: ModelFolder) -> Generator[None]:
    """Whatever is wrong with a folder, its owner is told in one sentence."""
    try:
        yield
    except OSError as error:
        what = f"{Path(str(error.filename)).name}: {error.strerror}" if error.filename else str(error)
        raise BrokenModel(f"The model {folder.facts.name} can't be read ({what}).", _AGAIN) from error
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        raise BrokenModel(f"model.json of {folder.facts.name} makes no sense ({error}).", _AGAIN) from error


def _read(folder: ModelFolder, told: Mapping[str, Any]) -> ConvertedModel:
    packages = {str(name): tuple(str(each) for each in files) for name, files in told["packages"].items()}
    model = ConvertedModel(
        folder=folder,
        sizes=tuple((int(width), int(height)) for width, height in told["sizes"]),
        guidance_batch=int(told["guidance_batch"]),
        bits=int(told["bits"]),
        units=str(told["units"]),
        packages=packages,
        functions={_size(text): str(name) for text, name in told["functions"].items()},
        preview={key: _numbers(told["preview"][key], depth) for key, depth in (("matrix", 2), ("bias", 1))},
    )
    _check_sense(model)
    return model


def _check_sense(model: ConvertedModel) -> None:
    """Raises ValueError for what no conversion writes."""
    wanted = [name for name in _NETWORKS if name != "text_encoder_2" or name in model.folder.configs]
    if missing := [name for name in wanted if not model.packages.get(name)]:
        raise ValueError(f"no {missing[0]}")
    if others := set(model.packages) - set(_NETWORKS):
        raise ValueError(f"a network {min(others)[:40]!r}")
    for each in (each for names in model.packages.values() for each in names):
        if Path(each).name != each or not each.endswith(tuple(_SUFFIXES.values())):
            raise ValueError("packages outside the folder")
    if model.guidance_batch not in (1, 2):
        raise ValueError(f"a guidance batch of {model.guidance_batch}")
    if model.units not in PLACES:
        raise ValueError(f"compute units {model.units[:40]!r}")
    if not model.sizes or any(not 0 < side <= 2**14 for size in model.sizes for side in size):
        raise ValueError("sizes")
    if model.functions and set(model.functions) != set(model.sizes):
        raise ValueError("functions for other sizes")


def _numbers(value: Any, depth: int) -> Any:
    """Lists of numbers, so deep. Raises TypeError for anything else."""
    return [_numbers(each, depth - 1) for each in value] if depth else float(value)


def _inside(path: str) -> str:
    """A path within the folder. Raises ValueError for one that leads out of it."""
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts or "\\" in path:
        raise ValueError("files outside the folder")
    return path


def _check_manifest(package: Path) -> None:
    """Raises BrokenModel when a package's own table of contents names anything outside it."""
    try:
        entries = json.loads((package / "Manifest.json").read_text(encoding="utf-8"))["itemInfoEntries"]
        paths = [_inside(str(entry["path"])) for entry in entries.values()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BrokenModel(f"{package.name} is damaged: its Manifest.json makes no sense.", _AGAIN) from error
    if missing := [path for path in paths if not (package / "Data" / path).exists()]:
        raise BrokenModel(f"{package.name} is incomplete: it lacks {missing[0]}.", _AGAIN)


def _size(text: str) -> Size:
    width, _, height = text.partition("x")
    return int(width), int(height)


def _check_file(package: str, path: Path, told: Mapping[str, Any]) -> None:
    _check_length(package, path, told)
    if sha256(path) != told["sha256"]:
        raise BrokenModel(f"{package} is damaged: the contents of {path.name} changed.", _AGAIN)


def _check_length(package: str, path: Path, told: Mapping[str, Any]) -> None:
    if not path.is_file():
        raise BrokenModel(f"{package} is incomplete: it lacks {path.name}.", _AGAIN)
    actual, expected = path.stat().st_size, int(told["bytes"])
    if actual != expected:
        raise BrokenModel(
            f"{package} is cut short or damaged: {path.name} has {actual:,} bytes, not {expected:,}.",
            _AGAIN,
        )

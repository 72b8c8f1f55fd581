"""A model folder that was converted to Core ML: what it holds, and whether it is whole. Stdlib only."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from backends.core.contract import BrokenModel, InvalidRequest
from backends.core.model_folder import ModelFolder, open_folder, sha256

MADE_FOR: Final = "coreml"
CONVERTER: Final = 1
"""The converter whose folders this version opens (convert/recipes.CONVERTER, which a test compares)."""
_AGAIN: Final = "Convert the model again: mezzotint convert."

Size = tuple[int, int]


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

    def paths(self, network: str) -> list[Path]:
        """A network's packages, in the order they run."""
        return [self.folder.path / name for name in self.packages[network]]

    def function(self, network: str, size: Size) -> str | None:
        """The function to load for pictures of this size, where packages have several."""
        return None if network == "text_encoder" else self.functions.get(size)

    def check_size(self, width: int, height: int) -> None:
        """Raises InvalidRequest for a size that it was not converted for."""
        if (width, height) in self.sizes:
            return
        made = " or ".join(f"{w} x {h}" for w, h in self.sizes)
        raise InvalidRequest(
            f"This model was converted for {made}, not for {width} x {height}.",
            f"Use {made}, or convert it for {width}x{height} too: mezzotint convert --size.",
        )

    def check_packages(self) -> None:
        """Raises BrokenModel when a file of a package is missing, cut short or altered."""
        for package in (name for names in self.packages.values() for name in names):
            files = {path: each for path, each in self._listed.items() if path.split("/")[0] == package}
            if not files or not (self.folder.path / package).is_dir():
                raise BrokenModel(f"The model {self.name} lacks {package}.", _AGAIN)
            for path, each in files.items():
                _check_file(package, self.folder.path / path, each)

    @property
    def _listed(self) -> Mapping[str, Mapping[str, Any]]:
        return cast(Mapping[str, Mapping[str, Any]], self.folder.manifest.get("files", {}))


def open_converted(path: Path) -> ConvertedModel:
    """Reads a converted folder and checks every file. Raises BrokenModel."""
    folder = open_folder(path)
    if folder.manifest.get("made_for") != MADE_FOR:
        raise BrokenModel(
            f"The model {folder.facts.name} is not prepared for Core ML.",
            f"Convert it first: mezzotint convert {path.name} --to coreml; or choose another backend.",
        )
    told = cast(Mapping[str, Any], folder.manifest.get("coreml", {}))
    if told.get("converter") != CONVERTER:
        raise BrokenModel(
            f"The model {folder.facts.name} was converted by another version of Mezzotint.", _AGAIN
        )
    try:
        model = _read(folder, told)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BrokenModel(f"model.json of {folder.facts.name} makes no sense ({error}).", _AGAIN) from error
    model.check_packages()
    folder.check_files()
    return model


def _read(folder: ModelFolder, told: Mapping[str, Any]) -> ConvertedModel:
    packages = {str(name): tuple(str(each) for each in files) for name, files in told["packages"].items()}
    if any(Path(each).name != each for names in packages.values() for each in names):
        raise ValueError("packages outside the folder")
    if missing := {"text_encoder", "unet", "vae_decoder", "vae_encoder"} - set(packages):
        raise ValueError(f"no {sorted(missing)[0]}")
    return ConvertedModel(
        folder=folder,
        sizes=tuple((int(width), int(height)) for width, height in told["sizes"]),
        guidance_batch=int(told["guidance_batch"]),
        bits=int(told["bits"]),
        units=str(told["units"]),
        packages=packages,
        functions={_size(text): str(name) for text, name in told["functions"].items()},
        preview={"matrix": told["preview"]["matrix"], "bias": told["preview"]["bias"]},
    )


def _size(text: str) -> Size:
    width, _, height = text.partition("x")
    return int(width), int(height)


def _check_file(package: str, path: Path, told: Mapping[str, Any]) -> None:
    if not path.is_file():
        raise BrokenModel(f"{package} is incomplete: it lacks {path.name}.", _AGAIN)
    actual, expected = path.stat().st_size, int(told["bytes"])
    if actual != expected:
        raise BrokenModel(
            f"{package} is cut short or damaged: {path.name} has {actual:,} bytes, not {expected:,}.",
            _AGAIN,
        )
    if sha256(path) != told["sha256"]:
        raise BrokenModel(f"{package} is damaged: the contents of {path.name} changed.", _AGAIN)

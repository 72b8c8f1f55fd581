"""Opens and checks a model folder: model_index.json, and our model.json beside it.

The folder has diffusers' layout. `model.json` is ours and may be absent: title, origin, licence,
the settings the model looks best with, and the SHA-256 of its files. Standard library
only, so that asking what a model is costs nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from backends import families
from backends.core.contract import BrokenModel, Family, InvalidRequest, ModelFacts
from backends.core.header import UNREADABLE, read_entries
from backends.core.own_depth import network_of

_TOKENIZERS = ("tokenizer", "tokenizer_2", "tokenizer_3")
_VOCABULARIES = ("tokenizer.json", "spiece.model", "tokenizer.model")
_CONFIG_NAMES = {"scheduler": "scheduler_config.json"} | dict.fromkeys(_TOKENIZERS, "tokenizer_config.json")
_WEIGHTS = {
    "text_encoder": "model",
    "text_encoder_2": "model",
    "text_encoder_3": "model",
    "unet": "diffusion_pytorch_model",
    "transformer": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
}
"""The networks a model may have, in the order they run, and what their weights' files are called."""
_PARTS = (*_WEIGHTS, "scheduler", *_TOKENIZERS)
_ABSENT = [None, None]
"""What model_index.json says of a part that the kind of model may have and this one lacks."""
_REPAIR = "Copy or download the model again."


@dataclass(frozen=True)
class Change:
    """A file that changes a model's UNet (a LoRA), and the SHA-256 it should have."""

    path: Path
    digest: str | None

    def check(self) -> None:
        """Raises BrokenModel when the file is missing or not the one that model.json names."""
        if not self.path.is_file():
            raise BrokenModel(f"The model in {self.path.parent} lacks {self.path.name}.", _REPAIR)
        _check_safetensors(self.path)
        if self.digest not in (None, sha256(self.path)):
            raise BrokenModel(f"{_short(self.path)} is damaged: its contents changed.", _REPAIR)


@dataclass(frozen=True)
class Borrowed:
    """Another VAE's weights, in place of the model's own; its configuration is among the folder's."""

    path: Path


@dataclass(frozen=True)
class ModelFolder:
    """A model folder whose configuration has been read. Weights are checked by `check_files`.

    A variant is a folder with nothing but a model.json, which names a `base` beside it and a `change`
    of its UNet: then everything is the base's, but for what model.json says anew.
    `additions` are what LoRAs add to its weights (lora.Additions). `borrowed`: see core/vae.py.
    """

    path: Path
    index: Mapping[str, Any] = field(repr=False)
    configs: Mapping[str, Mapping[str, Any]] = field(repr=False)
    manifest: Mapping[str, Any] = field(repr=False)
    change: Change | None = None
    additions: Mapping[str, Mapping[str, Any]] = field(
        default_factory=dict[str, Mapping[str, Any]], repr=False
    )
    borrowed: Borrowed | None = None

    @cached_property
    def family(self) -> Family:
        """Raises BrokenModel for a kind we don't know."""
        with _odd_values(self.path):
            return families.find(self.path, self.index, self.configs)

    @cached_property
    def facts(self) -> ModelFacts:
        """Raises BrokenModel when the configuration holds values that make no sense."""
        with _odd_values(self.path):
            return self.family.facts(self.path, self.index, self.configs, self.manifest)

    def class_name(self, part: str) -> str:
        """The class that model_index.json names for a part."""
        with _odd_values(self.path):
            return str(self.index[part][1])

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks it is made of, by folder name, in the order they run."""
        return tuple(part for part in _WEIGHTS if part in self.configs)

    @property
    def denoiser(self) -> str:
        """The network that is run at each step, by folder name."""
        return "transformer" if "transformer" in self.configs else "unet"

    @property
    def tokenizers(self) -> tuple[str, ...]:
        """Its tokenizers, by folder name: one for each text encoder."""
        return tuple(part for part in _TOKENIZERS if part in self.configs)

    @property
    def parts(self) -> tuple[str, ...]:
        """The networks that have weights here; a converted model has none of its own."""
        return () if self.manifest.get("made_for") else self.networks

    def variant(self, part: str) -> str | None:
        """None, or "fp16" where only that file is there."""
        stem = self.path / part / _WEIGHTS[part]
        plain = [
            stem.with_name(f"{stem.name}.safetensors"),
            stem.with_name(f"{stem.name}.safetensors.index.json"),
        ]
        return None if any(path.exists() for path in plain) else "fp16"

    def weight_files(self, part: str) -> list[Path]:
        """The safetensors files of one part. Raises BrokenModel when one is missing."""
        if part == "vae" and self.borrowed:
            return [self.borrowed.path]
        suffix = f".{variant}" if (variant := self.variant(part)) else ""
        stem = _WEIGHTS[part]
        single = self.path / part / f"{stem}{suffix}.safetensors"
        listing = self.path / part / f"{stem}.safetensors.index{suffix}.json"
        if single.exists():
            return [single]
        if not listing.exists():
            raise self._missing(part)
        names = sorted(set(cast(dict[str, str], _read_json(listing).get("weight_map", {})).values()))
        return [self._inside(part, name) for name in names]

    def check_lengths(self) -> None:
        """Raises BrokenModel when a file of weights is missing or cut short; reads only their headers."""
        for part in self.parts:
            for path in self.weight_files(part):
                _check_safetensors(path)
        if own := network_of(self.path):
            _check_safetensors(own.weights)

    def check_files(self) -> None:
        """Raises BrokenModel when a file is missing, cut short, or not the one model.json names."""
        self.check_lengths()
        self._check_vocabulary()
        with _odd_values(self.path):
            for name in self._listed:
                self._check_hash(self.path / name)
        if self.change:
            self.change.check()

    def model_hash(self) -> str:
        """SHA-256 of the denoiser's weights, as 64 hex digits, or of the digests of their pieces."""
        with _odd_values(self.path):
            digests = [self._listed_hash(path) or sha256(path) for path in self.weight_files(self.denoiser)]
        if self.change:
            digests.append(self.change.digest or sha256(self.change.path))
        return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()

    @property
    def _listed(self) -> Mapping[str, Mapping[str, str]]:
        """The files that model.json names, by path within the folder."""
        return cast(Mapping[str, Mapping[str, str]], self.manifest.get("files", {}))

    def _listed_hash(self, path: Path) -> str | None:
        return self._listed.get(path.relative_to(self.path).as_posix(), {}).get("sha256")

    def _check_vocabulary(self) -> None:
        """CLIP's vocabulary is two files; others' are one of several."""
        names = ("vocab.json", "merges.txt")
        others = [part for part in self.tokenizers if not self.class_name(part).startswith("CLIP")]
        for path in (self.path / part / name for part in set(self.tokenizers) - {*others} for name in names):
            if not path.is_file() or path.stat().st_size == 0:
                raise BrokenModel(f"The model in {self.path} lacks {_short(path)}.", _REPAIR)
        for part in others:
            if not any((self.path / part / name).is_file() for name in (*_VOCABULARIES, "vocab.json")):
                raise BrokenModel(f"The model in {self.path} lacks {part}/{_VOCABULARIES[0]}.", _REPAIR)

    def _check_hash(self, path: Path) -> None:
        if not path.is_file():
            raise BrokenModel(f"The model in {self.path} lacks {_short(path)}.", _REPAIR)
        if sha256(path) != self._listed_hash(path):
            raise BrokenModel(f"{_short(path)} is damaged: its contents changed.", _REPAIR)

    def _inside(self, part: str, name: str) -> Path:
        path = self.path / part / name
        if Path(name).name != name or not path.is_file():
            raise self._missing(part)
        return path

    def _missing(self, part: str) -> BrokenModel:
        if target := self.manifest.get("made_for"):
            return BrokenModel(
                f"The model in {self.path} was converted for {target}: other backends can't open it.",
                f"Choose the backend {target}, or the model that it was made from.",
            )
        pickled = any((self.path / part).glob("*.bin")) or any((self.path / part).glob("*.ckpt"))
        if pickled:
            return BrokenModel(
                f"The model's {part} is only there as a pickle (.bin), which can run code.",
                "Get the model with .safetensors files.",
            )
        return BrokenModel(f"The model in {self.path} lacks the weights of its {part}.", _REPAIR)


@contextmanager
def _odd_values(path: Path) -> Generator[None]:
    """A configuration of the wrong shape fails in many ways; to a person they are one."""
    try:
        yield
    except (
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        IndexError,
        OverflowError,
        InvalidRequest,
    ) as error:
        raise BrokenModel(
            f"The configuration of the model in {path} holds values that make no sense ({error}).", _REPAIR
        ) from error


def open_folder(path: Path) -> ModelFolder:
    """Reads the configuration of every part. Raises BrokenModel in words a person can use."""
    if not path.is_dir():
        raise BrokenModel(f"There is no folder {path}.", "Give the folder that holds model_index.json.")
    manifest = _manifest(path)
    return _variant(path, manifest) if "base" in manifest else _whole(path, manifest)


def _whole(path: Path, manifest: Mapping[str, Any]) -> ModelFolder:
    if not (path / "model_index.json").is_file():
        raise BrokenModel(
            f"{path} is not a model folder: it holds no model_index.json.",
            "Give a folder in the diffusers layout.",
        )
    index = _read_json(path / "model_index.json")
    configs = {part: _read_config(path, part) for part in _PARTS if index.get(part, _ABSENT) != _ABSENT}
    return ModelFolder(path, index, configs, manifest)


def _manifest(path: Path) -> Mapping[str, Any]:
    return _read_json(path / "model.json") if (path / "model.json").exists() else {}


def _variant(path: Path, manifest: Mapping[str, Any]) -> ModelFolder:
    with _odd_values(path):
        names = [str(manifest[key]) for key in ("base", "change")]
        digest = manifest.get("files", {}).get(names[1], {}).get("sha256")
        if any(Path(name).name != name or name == ".." for name in names):
            raise ValueError("names outside the folder")
    folder = path.parent / names[0]
    base = _whole(folder, _manifest(folder))
    told = {key: value for key, value in manifest.items() if key != "files"}
    return replace(base, manifest={**base.manifest, **told}, change=Change(path / names[1], digest))


def read_facts(path: Path) -> ModelFacts:
    """What the model in this folder is. Raises BrokenModel."""
    return open_folder(path).facts


def made_for(path: Path) -> str | None:
    """The backend that a model was converted for, or None; never fails."""
    try:
        target: object = _read_json(path / "model.json").get("made_for")
    except BrokenModel:
        return None
    return target if isinstance(target, str) else None


def _read_config(path: Path, part: str) -> Mapping[str, Any]:
    file = path / part / _CONFIG_NAMES.get(part, "config.json")
    if not file.is_file():
        raise BrokenModel(f"The model in {path} lacks {part}/{file.name}.", _REPAIR)
    return _read_json(file)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BrokenModel(f"{path} can't be read as JSON.", _REPAIR) from error
    if not isinstance(value, dict):
        raise BrokenModel(f"{path} does not hold a JSON object.", _REPAIR)
    return cast(dict[str, Any], value)


def sha256(path: Path) -> str:
    """The file's SHA-256 as hex digits, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_safetensors(path: Path) -> None:
    """The header is whole, and the file is exactly as long as the header says."""
    try:
        expected = _expected_size(path)
    except UNREADABLE as error:
        raise BrokenModel(f"{_short(path)} is damaged: its header can't be read.", _REPAIR) from error
    actual = path.stat().st_size
    if actual != expected:
        raise BrokenModel(
            f"{_short(path)} is cut short or damaged: {actual:,} bytes where {expected:,} should be.",
            _REPAIR,
        )


def _short(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _expected_size(path: Path) -> int:
    base, header = read_entries(path)
    ends = [int(entry["data_offsets"][1]) for name, entry in header.items() if name != "__metadata__"]
    return base + max(ends, default=0)

"""What a model is to be prepared as: the words of the conversion that does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from desktop.model.models_card import ModelCard

TARGETS = ("neural-engine", "gpu", "any")
BITS = ("16", "8", "6", "4")
_GROUPED = "macOS15"
"""Weights of 4 bits need it: channels with tables of their own."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A conversion. `model` is the folder it is made from, `models` where the new one goes; `sizes` are
    written like "512x512,768x768", "" for the model's own.
    """

    model: str
    models: str
    target: str = "neural-engine"
    bits: str = "16"
    sizes: str = ""
    system: str = "macOS13"
    guidance_batch: str = ""
    name: str = ""
    replace: bool = False

    @property
    def called(self) -> str:
        """The new model's name."""
        bits = f"-{self.bits}bit" if self.bits != "16" else ""
        return self.name or f"{Path(self.model).name}-coreml-{self.target}{bits}"

    @property
    def half_made(self) -> Path:
        """Where it stands until it is whole (convert/publish.py)."""
        return Path(self.models) / f".{self.called}.converting"

    def words(self) -> list[str]:
        """What is written after `python -m convert`."""
        options = {
            "for": self.target,
            "bits": self.bits,
            "size": self.sizes,
            "deployment-target": _GROUPED if self.bits == "4" else self.system,
            "guidance-batch": self.guidance_batch,
            "out": self.models,
            "name": self.called,
        }
        told = [word for option, value in options.items() if value for word in (f"--{option}", value)]
        return [self.model, "--to", "coreml", "--check", *told, *(["--replace"] if self.replace else [])]

    def to_plain(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)


def from_plain(told: object) -> Ask | None:
    """What `to_plain` wrote, from a file that nobody vouches for; None for what makes no sense."""
    if not isinstance(told, dict):
        return None
    entries = cast(Mapping[str, Any], told)
    usual: dict[str, Any] = Ask(model="", models="").to_plain()
    known = {key: entries.get(key, value) for key, value in usual.items()}
    if any(type(known[key]) is not type(value) for key, value in usual.items()) or not known["model"]:
        return None
    return Ask(**known)


def read_asks(told: object) -> dict[str, Ask]:
    """Conversions by the new model's name, from a file that nobody vouches for."""
    entries = cast(dict[object, object], told) if isinstance(told, dict) else dict[object, object]()
    found = {key: from_plain(each) for key, each in entries.items() if isinstance(key, str)}
    return {key: ask for key, ask in found.items() if ask is not None}


def again(card: ModelCard, source: Path) -> Ask:
    """The same conversion once more, in the place of the one that is there."""
    told = card.conversion
    sizes: object = told.get("sizes")
    return Ask(
        model=str(source),
        models=str(card.folder.parent),
        target=_one_of(told.get("for"), TARGETS),
        bits=_one_of(str(told.get("bits")), BITS),
        sizes=_sizes(sizes),
        system=str(told.get("deployment_target") or "macOS13"),
        guidance_batch=_one_of(str(told.get("guidance_batch")), ("", "1", "2")),
        name=card.name,
        replace=True,
    )


def source_of(card: ModelCard, cards: tuple[ModelCard, ...]) -> ModelCard | None:
    """The installed model that a converted one was made from: by its folder, else by its hash."""
    told: object = card.conversion.get("source")
    source: Mapping[str, Any] = cast(Mapping[str, Any], told) if isinstance(told, dict) else dict[str, Any]()
    able = [each for each in cards if each.can_prepare]
    by_folder = [each for each in able if str(each.folder) == source.get("folder")]
    by_hash = [each for each in able if each.sha256 and each.sha256 == source.get("hash")]
    return next(iter([*by_folder, *by_hash]), None)


def _one_of(value: object, known: tuple[str, ...]) -> str:
    return value if isinstance(value, str) and value in known else known[0]


def _sizes(value: object) -> str:
    try:
        pairs = [(int(width), int(height)) for width, height in cast(list[Any], value)]
    except (TypeError, ValueError):
        return ""
    return ",".join(f"{width}x{height}" for width, height in pairs)

"""What an import has to know first, as `mezzotint import --ask` says it, and what a person answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

PREDICTIONS = ("epsilon", "v_prediction")
DENOISERS = ("unet", "transformer")


@dataclass(frozen=True, kw_only=True)
class Base:
    """An installed model. `misfit` is why it can't give the other parts, or ""."""

    name: str
    title: str
    folder: str
    misfit: str = ""


@dataclass(frozen=True, kw_only=True)
class Question:
    """`of` is a family's id, a version of Stable Diffusion or "", `parts` what the file holds, `lacks` what
    it doesn't. `addition` is what it is in place of a model or besides, `made_for` and `folder` for which
    models that is and where it would be kept. `name` is one that is free; `taken`: the file's own isn't.
    `get` is the title of a model of the hub's that has the other parts, `get_size` its size in GB.
    """

    source: str
    name: str
    taken: bool = False
    of: str = ""
    parts: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    latents: int = 0
    bases: tuple[Base, ...] = ()
    get: str = ""
    get_size: float = 0.0
    prediction: str = ""
    because: str = ""
    addition: str = ""
    made_for: str = ""
    folder: str = ""

    @property
    def fitting(self) -> tuple[Base, ...]:
        """The models that can give the other parts, the likeliest first."""
        return tuple(base for base in self.bases if not base.misfit)

    @property
    def can_be_model(self) -> bool:
        """Whether it becomes one with what is here."""
        return bool(self.parts) and (not self.lacks or bool(self.fitting))


@dataclass(frozen=True, kw_only=True)
class Answer:
    """`base` is a folder; "" for what was not asked."""

    name: str
    base: str = ""
    prediction: str = ""

    def words(self) -> list[str]:
        """What is written after `mezzotint import FILE`."""
        told = {"--name": self.name, "--base": self.base, "--prediction": self.prediction}
        return [word for option, value in told.items() if value for word in (option, value)]


def read_question(line: str) -> Question | None:
    """From a line that the command prints; None for any other line."""
    try:
        told: object = json.loads(line) if line.startswith('{"question"') else None
        return _question(cast(Mapping[str, Any], told)["question"]) if isinstance(told, dict) else None
    except (ValueError, TypeError, KeyError):
        return None


def _question(told: Mapping[str, Any]) -> Question:
    get: Mapping[str, Any] = told.get("get") or {}
    return Question(
        source=str(told["source"]),
        name=str(told["name"]),
        taken=bool(told.get("taken")),
        of=str(told.get("of", "")),
        parts=tuple(map(str, told.get("parts", ()))),
        lacks=tuple(map(str, told.get("lacks", ()))),
        latents=int(told.get("latents", 0)),
        bases=tuple(Base(**each) for each in told.get("bases", ())),
        get=str(get.get("title", "")),
        get_size=float(get.get("gigabytes", 0)),
        prediction=str(told.get("prediction", "")),
        because=str(told.get("because", "")),
        addition=str(told.get("addition", "")),
        made_for=str(told.get("for", "")),
        folder=str(told.get("folder", "")),
    )

"""An installed model as the Models screen shows it: what it is, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from backends.core.contract import Defaults

Place = Literal["shipped", "own", "elsewhere"]
"""Came with the program; among the installed models; in a folder that the settings name."""


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How close one network of a converted model is to the original's, in dB, by arithmetic (fp32, fp16)."""

    network: str
    decibels: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """`problem` is why it can't be used, as sentences, or "". `made_for` is the backend that a converted
    model is for; `conversion` is how it was converted, as its model.json says. `outdated`: it has to be
    converted again, as the converter has changed since. `preparable`: its family can be converted.
    """

    name: str
    title: str
    folder: Path
    place: Place
    bytes: int = 0
    family: str = ""
    sha256: str = ""
    licence: str = ""
    origin: str = ""
    defaults: Defaults | None = None
    samplers: tuple[str, ...] = ()
    size_step: int = 8
    sizes: tuple[tuple[int, int], ...] = ()
    takes_controls: bool = False
    takes_references: bool = False
    refines: tuple[str, ...] = ()
    has_refiner: bool = False
    problem: str = ""
    made_for: str = ""
    outdated: bool = False
    preparable: bool = False
    conversion: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def can_prepare(self) -> bool:
        """Whether it can be converted to Core ML."""
        return self.preparable and not self.problem and not self.made_for

    @property
    def parity(self) -> tuple[Parity, ...]:
        """What was measured when it was converted; nothing where that was not asked for."""
        checks: object = self.conversion.get("checks")
        if not isinstance(checks, Mapping):
            return ()
        found = cast(Mapping[str, Mapping[str, float]], checks).items()
        try:
            return tuple(
                Parity(network=name, decibels={key: float(db) for key, db in each.items()})
                for name, each in found
            )
        except (TypeError, ValueError, AttributeError):
            return ()

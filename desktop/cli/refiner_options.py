"""The option for a refiner, and what it comes to."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from backends.core.contract import REFINER_SWITCH, InvalidRequest, Refiner
from desktop.library.models import find_model
from desktop.library.record import Record

OFF = "off"
_SWITCH = re.compile(r"(.+):(\d*\.?\d+)")


@dataclass(frozen=True)
class Refining:
    """For the request, and where the model is."""

    wanted: Refiner | None = None
    folder: Path | None = None


def add_refiner(parser: argparse.ArgumentParser) -> None:
    """--refiner."""
    parser.add_argument(
        "--refiner",
        metavar="MODEL[:X]",
        help=f"a second model for the last steps, from this share of the noise schedule on "
        f"({REFINER_SWITCH:g}), such as xl-refiner:0.8; or off",
    )


def find_refiner(given: str | None, known: Record, folders: Iterable[Path]) -> Refining:
    """What is given, else what the record says. Raises InvalidRequest."""
    if given is not None:
        return Refining() if given.strip().casefold() == OFF else _asked_for(given, folders)
    if known.refiner is None:
        return Refining()
    try:
        model = find_model(known.refiner.model, folders)
    except InvalidRequest as error:
        raise InvalidRequest(
            f"The picture was finished by the refiner {known.refiner.model!r}, which is not here.",
            "Choose one with --refiner, or --refiner off.",
        ) from error
    return Refining(Refiner(model=model.name, switch=known.refiner.switch), model.folder)


def _asked_for(text: str, folders: Iterable[Path]) -> Refining:
    told = _SWITCH.fullmatch(text.strip())
    name, switch = (told[1], float(told[2])) if told else (text.strip(), REFINER_SWITCH)
    wanted = Refiner(model=name, switch=switch)
    model = find_model(name, folders)
    return Refining(Refiner(model=model.name, switch=wanted.switch), model.folder)

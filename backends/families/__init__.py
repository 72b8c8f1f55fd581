"""What a checkpoint contains. One file a family; a file put here is found without being listed."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

from backends.core.contract import BrokenModel, Family


@cache
def all_families() -> tuple[Family, ...]:
    """Every family, by file name. Each file defines FAMILY."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(cast(Family, importlib.import_module(f"{__name__}.{name}").FAMILY) for name in names)


def named(family_id: str) -> Family | None:
    """The family with this id, or None."""
    return next((family for family in all_families() if family.id == family_id), None)


def find(folder: Path, index: Mapping[str, Any], configs: Mapping[str, Mapping[str, Any]]) -> Family:
    """The family of a model folder. Raises BrokenModel when none knows it."""
    for family in all_families():
        if family.matches(index, configs):
            return family
    kind = index.get("_class_name", "no pipeline it names")
    raise BrokenModel(
        f"The model in {folder} is for {kind}, which this version can't run.",
        f"Use a model of one of these families: {', '.join(family.id for family in all_families())}.",
    )

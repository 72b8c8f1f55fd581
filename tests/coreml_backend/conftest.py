"""A tiny model converted once, and opened through our interpreter."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.core import coreml_runtime
from backends.core.contract import (
    Stages,
)
from backends.core.quiet import quiet
from backends.core.registry import get_backend
from convert.coreml_model import convert_model
from convert.recipes import Order
from tests.coreml_backend.kit import SIZE
from tests.coreml_models import make_smallest_model


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    quiet()
    return make_smallest_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def converted(tiny: Path) -> Path:
    order = Order(
        model=tiny, destination=tiny.with_name("tiny-coreml"), target="neural-engine", sizes=(SIZE,)
    )
    return convert_model(order, lambda _: None)


@pytest.fixture(autouse=True)
def reference(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(coreml_runtime.VARIABLE, "reference")
    monkeypatch.setenv("MEZZOTINT_HOME", str(tmp_path / "home"))


@pytest.fixture
def copy(converted: Path, tmp_path: Path) -> Path:
    """A converted folder that may be damaged."""
    return Path(shutil.copytree(converted, tmp_path / "copy"))


@pytest.fixture(scope="module")
def both(converted: Path, tiny: Path) -> Iterator[tuple[Stages, Stages]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(coreml_runtime.VARIABLE, "reference")
        ours = get_backend("coreml").open(converted, {})
        theirs = get_backend("cpu_offload").open(tiny, {})
        yield ours, theirs
        ours.close()
        theirs.close()

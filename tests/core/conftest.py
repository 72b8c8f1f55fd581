"""One small random model for all tests of the core."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.core.contract import Stages


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder that no test may change; copy it to damage it."""
    from backends.core.quiet import quiet
    from tests.tiny_models import EPSILON, make_tiny_model

    quiet()
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny", EPSILON)


@pytest.fixture(scope="session")
def tiny_stages(tiny_model: Path) -> Iterator[Stages]:
    from backends.core.registry import get_backend

    stages = get_backend("cpu_offload").open(tiny_model, {})
    yield stages
    stages.close()

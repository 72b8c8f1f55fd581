"""One small random model for the tests of the backends."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.core.model_folder import ModelFolder, open_folder


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder that no test may change."""
    from backends.core.quiet import quiet
    from tests.tiny_models import EPSILON, make_tiny_model

    quiet()
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny", EPSILON)


@pytest.fixture(scope="session")
def tiny_folder(tiny_model: Path) -> ModelFolder:
    return open_folder(tiny_model)

"""What holds for the whole tree: style, types, import arrows, and files where the design wants them."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from backends import families
from backends.core import registry, samplers
from backends.core.contract import SAMPLERS

ROOT = Path(__file__).parents[1]


def run_tool(*command: str) -> None:
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_ruff_is_clean() -> None:
    run_tool(sys.executable, "-m", "ruff", "check", "--no-cache", ".")


def test_types_are_clean() -> None:
    run_tool(sys.executable, "-m", "basedpyright", "--pythonpath", sys.executable)


def test_the_import_arrows_hold() -> None:
    run_tool(str(Path(sys.executable).with_name("lint-imports")), "--no-cache")


def test_packaging_does_not_shadow_the_library() -> None:
    assert not (ROOT / "packaging/__init__.py").exists()
    assert importlib.import_module("packaging.version").Version("1.0")


def test_every_sampler_has_a_name_and_a_recipe() -> None:
    assert list(samplers.RECIPES) == list(SAMPLERS)


def test_every_file_in_families_is_a_family() -> None:
    files = {path.stem for path in (ROOT / "backends/families").glob("*.py")} - {"__init__"}
    assert {family.id for family in families.all_families()} == files


@pytest.mark.parametrize("backend", registry.all_backends(), ids=lambda backend: backend.capabilities.id)
def test_every_backend_keeps_the_contract(backend: registry.Backend) -> None:
    capabilities = backend.capabilities
    assert (ROOT / f"backends/{capabilities.id}.py").is_file()
    assert set(capabilities.families) <= {family.id for family in families.all_families()}
    reason = backend.probe()
    assert reason is None or len(reason) > 20


def test_asking_what_backends_there_are_imports_nothing_heavy() -> None:
    script = (
        "import sys; from backends.core import registry\n"
        "[b.probe() for b in registry.all_backends()]\n"
        "print([m for m in ('torch', 'diffusers', 'transformers', 'PySide6') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"

"""A backend is one file: dropped into the folder, it is found, probed, offered, and keeps the contract."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import backends
from backends.core import registry
from backends.core.contract import Backend
from backends.core.worker import PipelineEngine
from tests.backends.contract_checks import check_stages, check_what_it_says

FIFTH = '''
"""The CPU once more, computing plainly."""

from backends.core.contract import Capabilities


class Fifth:
    capabilities = Capabilities(
        id="fifth",
        name="Fifth",
        hardware="any processor",
        rank=95,
        families=("sd1",),
        features=frozenset({"text_to_image", "image_to_image"}),
        precisions=("float32",),
    )

    def probe(self):
        return None

    def open(self, model_folder, options):
        import torch

        from backends.core.placement import Placement
        from backends.core.torch_stages import open_stages

        place = Placement(backend="fifth", device=torch.device("cpu"), free_bytes=lambda: 10**10)
        return open_stages(model_folder, place)


BACKEND = Fifth()
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of backends that holds the fifth, beside our own."""
    (tmp_path / "fifth.py").write_text(FIFTH)
    monkeypatch.setattr(backends, "__path__", [*backends.__path__, str(tmp_path)])
    registry.all_backends.cache_clear()
    yield tmp_path
    registry.all_backends.cache_clear()
    sys.modules.pop("backends.fifth", None)


def test_it_is_found_and_can_be_chosen(folder: Path) -> None:
    found = {backend.capabilities.id for backend in registry.all_backends()}
    assert {"cpu_offload", "cuda_int8", "mps", "fifth"} <= found
    assert registry.get_backend("fifth").capabilities.name == "Fifth"


def test_the_worker_tells_the_window_of_it(folder: Path) -> None:
    """Settings shows what the worker found: tests/desktop/test_fifth_in_settings.py."""
    offered = {each.capabilities.id: each.reason for each in PipelineEngine().survey()}
    assert offered["fifth"] is None


def test_it_keeps_the_contract(folder: Path, tiny_model: Path) -> None:
    fifth = registry.get_backend("fifth")
    check_what_it_says(fifth)
    check_stages(fifth, tiny_model)


@pytest.mark.parametrize("backend", registry.all_backends(), ids=lambda backend: backend.capabilities.id)
def test_our_own_keep_the_contract(backend: Backend, tiny_model: Path) -> None:
    check_what_it_says(backend)
    if backend.probe() is None:
        check_stages(backend, tiny_model)


def test_a_file_that_is_no_backend_is_named(tmp_path: Path) -> None:
    """The registry imports every file there, so one without BACKEND must not pass in silence."""
    (tmp_path / "notes.py").write_text("WORDS = 1\n")
    script = (
        f"import backends; backends.__path__.append({str(tmp_path)!r})\n"
        "from backends.core import registry; registry.all_backends()"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "notes" in result.stderr

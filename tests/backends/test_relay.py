"""Two models that take turns, as each torch backend holds its networks; computed on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from backends import cuda_int8, mps
from backends.core.contract import Refiner, Stages
from backends.core.cuda_settings import CardSettings
from backends.core.model_folder import ModelFolder, open_folder
from backends.core.placement import Placement
from backends.core.quiet import quiet
from backends.core.registry import get_backend
from backends.core.relay import Relay
from backends.core.torch_stages import TorchStages
from tests.families.reference import make
from tests.tiny_models import EPSILON, make_tiny_refiner, make_tiny_sdxl

CPU, PLENTY = torch.device("cpu"), 8 * 10**9
F32 = torch.float32
CARD = CardSettings(scheme="stored int8", keeps=("unet",), text_dtype=F32, unet_dtype=F32, vae_dtype=F32)


def on_apple(folder: ModelFolder, free: Callable[[], int]) -> Placement:
    placed = mps.placement(folder, CPU, frozenset())
    fields: dict[str, Any] = vars(placed) | {"unet_dtype": F32, "text_dtype": F32, "free_bytes": free}
    return Placement(**fields)


def on_card(folder: ModelFolder, free: Callable[[], int]) -> Placement:
    fields: dict[str, Any] = vars(cuda_int8.placement(CARD, CPU, free)) | {"after_picture": lambda: None}
    return Placement(**fields)


KINDS = {"mps": on_apple, "cuda_int8": on_card}


class OnCpu:
    """A backend's way of holding networks, where `room` is what it says to be free."""

    def __init__(self, name: str, room: int) -> None:
        self._place, self.room = KINDS[name], room
        self.footprint = get_backend_footprint(name)

    def open(self, folder: Path, options: Mapping[str, str]) -> Stages:
        opened = open_folder(folder)
        return TorchStages(opened, self._place(opened, lambda: self.room))


def get_backend_footprint(name: str) -> Any:
    return {"mps": mps.BACKEND, "cuda_int8": cuda_int8.BACKEND}[name].footprint


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    quiet()
    place = tmp_path_factory.mktemp("models")
    return make_tiny_sdxl(place / "base", EPSILON), make_tiny_refiner(place / "refiner", EPSILON)


def pictures(folders: tuple[Path, Path], backend: Any) -> list[np.ndarray]:
    """Two, one after the other, so that the first model comes back after its rest."""
    stages, relay = backend.open(folders[0], {}), Relay(backend, folders[1], {})
    wanted: dict[str, Any] = {"sampler": "euler", "refiner": Refiner(model="refiner", switch=0.5)}
    made = [make(stages, (64, 64), relay=relay, seed=seed, **wanted) for seed in (3, 4)]
    relay.close()
    stages.close()
    return made


@pytest.mark.parametrize("name", ["mps", pytest.param("cuda_int8", marks=pytest.mark.thorough)])
def test_taking_turns_changes_no_picture(folders: tuple[Path, Path], name: str) -> None:
    beside = pictures(folders, OnCpu(name, PLENTY))
    in_turns = pictures(folders, Spare(name))
    assert all(np.array_equal(one, other) for one, other in zip(beside, in_turns, strict=True))
    assert not np.array_equal(beside[0], beside[1])


class Spare(OnCpu):
    """The same with room for one model at a time."""

    def __init__(self, name: str) -> None:
        super().__init__(name, PLENTY)
        self.opened: list[TorchStages] = []

    def open(self, folder: Path, options: Mapping[str, str]) -> Stages:
        assert all(each._held is None for each in self.opened), "the other one still has its weights"
        stages = super().open(folder, options)
        assert isinstance(stages, TorchStages)
        stages.bytes_beside = lambda: 0  # type: ignore[method-assign]
        self.opened.append(stages)
        return stages


def test_the_processor_counts_what_is_free_and_nothing_of_a_limit(folders: tuple[Path, Path]) -> None:
    backend = get_backend("cpu_offload")
    for options, expected in (({}, True), ({"memory": "1GB"}, False), ({"weights": "int8"}, True)):
        stages: Any = backend.open(folders[0], options)
        assert (stages.bytes_beside() > 0) is expected
        stages.close()

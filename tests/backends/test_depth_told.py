"""A model that is told depth, on every torch backend, as far as a machine without its hardware can tell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from backends import cuda_int8, mps
from backends.core.contract import InvalidRequest
from backends.core.cuda_driver import Card
from backends.core.cuda_settings import choose_settings
from backends.core.model_folder import ModelFolder, open_folder
from backends.core.mps_quirks import Remedy
from backends.core.placement import Placement
from backends.core.quiet import quiet
from backends.core.registry import get_backend
from backends.core.torch_stages import TorchStages
from convert.coreml_model import settle
from convert.recipes import Order
from tests.families.reference import make, psnr, start_picture
from tests.tiny_depth import make_tiny_depth
from tests.tiny_models import EPSILON

SIDE = 64
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    quiet()
    return open_folder(make_tiny_depth(tmp_path_factory.mktemp("m") / "tiny", EPSILON))


def paint(stages: Any) -> np.ndarray:
    return make(stages, (SIDE, SIDE), start=start_picture(SIDE), strength=0.8)


def on_a_mac(folder: ModelFolder) -> Placement:
    return mps.placement(folder, CPU, frozenset(Remedy))


def on_a_card(folder: ModelFolder) -> Placement:
    card = choose_settings(folder, Card("a card", (8, 6), 8 * 10**9), 8 * 10**9)
    return cuda_int8.placement(card, CPU, lambda: 8 * 10**9)


@pytest.mark.parametrize("place", [on_a_mac, on_a_card])
def test_other_hardware_makes_what_the_cpu_makes(folder: ModelFolder, place: Any) -> None:
    expected = paint(get_backend("cpu_offload").open(folder.path, {}))
    ours = paint(TorchStages(folder, replace(place(folder), free_bytes=lambda: 8 * 10**9)))
    assert psnr(ours, expected) > 35


def test_weights_that_stream_make_the_same_bits(folder: ModelFolder) -> None:
    whole, short = (get_backend("cpu_offload").open(folder.path, {"memory": size}) for size in ("", "300MB"))
    assert (paint(whole) == paint(short)).all()


def test_weights_in_8_bits(folder: ModelFolder) -> None:
    whole, small = (get_backend("cpu_offload").open(folder.path, {"weights": kept}) for kept in ("", "int8"))
    assert psnr(paint(whole), paint(small)) > 30


def test_core_ml_is_refused(folder: ModelFolder) -> None:
    with pytest.raises(InvalidRequest, match="is a depth model") as said:
        settle(folder, Order(model=folder.path, destination=folder.path))
    assert "another backend" in said.value.action

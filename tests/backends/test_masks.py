"""A masked picture on every torch backend, as far as a machine without its hardware can tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from backends import cuda_int8, mps
from backends.core.cuda_driver import Card
from backends.core.cuda_settings import choose_settings
from backends.core.model_folder import ModelFolder, open_folder
from backends.core.mps_quirks import Remedy
from backends.core.placement import Placement
from backends.core.quiet import quiet
from backends.core.registry import get_backend
from backends.core.torch_stages import TorchStages
from tests.families.reference import make, png_bytes, psnr, start_picture
from tests.tiny_models import EPSILON, make_tiny_model

SIDE = 64
CPU = torch.device("cpu")
START = start_picture(SIDE)
MASK = np.zeros((SIDE, SIDE), np.uint8)
MASK[8:48, 16:40] = 255


@pytest.fixture(scope="module", params=[4, 9], ids=["ordinary", "inpainting"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    quiet()
    path: Path = make_tiny_model(tmp_path_factory.mktemp("m") / "tiny", EPSILON, in_channels=request.param)
    return open_folder(path)


def paint(stages: Any) -> np.ndarray:
    mask = png_bytes(Image.fromarray(MASK))
    return make(stages, (SIDE, SIDE), start=START, mask=mask, strength=0.8)


def on_a_mac(folder: ModelFolder) -> Placement:
    return mps.placement(folder, CPU, frozenset(Remedy))


def on_a_card(folder: ModelFolder) -> Placement:
    card = choose_settings(folder, Card("a card", (8, 6), 8 * 10**9), 8 * 10**9)
    return cuda_int8.placement(card, CPU, lambda: 8 * 10**9)


@pytest.mark.parametrize("place", [on_a_mac, on_a_card])
def test_other_hardware_paints_what_the_cpu_paints(folder: ModelFolder, place: Any) -> None:
    expected = paint(get_backend("cpu_offload").open(folder.path, {}))
    ours = paint(TorchStages(folder, replace(place(folder), free_bytes=lambda: 8 * 10**9)))
    assert psnr(ours, expected) > 35
    assert (ours[MASK == 0] == np.asarray(START)[MASK == 0]).all()
    assert (ours != np.asarray(START)).any(axis=-1)[MASK > 0].mean() > 0.9


def test_weights_that_stream_paint_the_same_bits(folder: ModelFolder) -> None:
    whole, short = (get_backend("cpu_offload").open(folder.path, {"memory": size}) for size in ("", "300MB"))
    assert (paint(whole) == paint(short)).all()

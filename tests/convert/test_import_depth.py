"""Models that are told depth: single files make the same pixels as the folder that they were made from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from backends.core.contract import ROUGH_DEPTH
from backends.core.model_folder import open_folder
from backends.core.quiet import quiet
from backends.core.registry import get_backend
from convert.import_model import Wish, import_model
from tests.convert.elsewhere import import_cut_off
from tests.convert.single_files import make_folder, single_file
from tests.families.reference import make, png_bytes, start_picture
from tests.tiny_depth import add_depth_network

SIDE = 64
DOOR = "conv_in.weight"
MAP = png_bytes(Image.linear_gradient("L").resize((SIDE, SIDE)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Version 2, with five channels, in the layout that Stability published, its depth network too."""
    quiet()
    made = make_folder(tmp_path_factory.mktemp("made") / "depth", "2.x")
    weights = made / "unet/diffusion_pytorch_model.safetensors"
    tensors = load_file(weights)
    more = torch.randn(tensors[DOOR].shape[0], 1, 3, 3, generator=torch.manual_seed(3)).half()
    save_file(tensors | {DOOR: torch.cat([tensors[DOOR], more], dim=1)}, weights, metadata={"format": "pt"})
    config = json.loads((made / "unet/config.json").read_text())
    (made / "unet/config.json").write_text(json.dumps(config | {"in_channels": 5}))
    add_depth_network(made)
    return made


@pytest.fixture(scope="module")
def files(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """With MiDaS under its own names, as in Stability's file. Neither file's name tells what it predicts."""
    place = tmp_path_factory.mktemp("files")
    midas = {"depth_model.model.pretrained.model.cls_token": torch.zeros(1, 1, 8)}
    tensors = single_file(folder, "2.x") | midas
    save_file(tensors, place / "near.safetensors")
    torch.save({"state_dict": tensors, "global_step": 3}, place / "far.ckpt")
    return [place / "near.safetensors", place / "far.ckpt"]


def pixels(folder: Path, **wanted: Any) -> np.ndarray:
    stages = get_backend("cpu_offload").open(folder, {})
    made = make(stages, (SIDE, SIDE), start=start_picture(SIDE), steps=2, strength=1.0, **wanted)
    stages.close()
    return made


def test_single_files_make_the_same_pixels(folder: Path, files: list[Path], tmp_path: Path) -> None:
    expected, roughly = pixels(folder, depth_map=MAP), pixels(folder, depth_by=ROUGH_DEPTH)
    assert not np.array_equal(expected, roughly)
    found = import_cut_off(tmp_path / "models", [*map(str, files)])
    assert len(found.folders) == 2
    for made in found.folders.values():
        facts = open_folder(Path(made)).facts
        assert (facts.takes_depth, facts.finds_depth, facts.prediction_type) == (True, False, "epsilon")
        assert np.array_equal(pixels(Path(made), depth_map=MAP), expected)
        assert np.array_equal(pixels(Path(made)), roughly)


def test_what_is_left_out_is_said(files: list[Path], tmp_path: Path) -> None:
    said: list[str] = []
    import_model(Wish(source=files[0], models=tmp_path / "models"), said.append)
    assert any("MiDaS" in sentence and "left out" in sentence for sentence in said)
    manifest = json.loads((tmp_path / "models/near/model.json").read_text())
    assert manifest["imported"]["prediction_because"] == "models for depth do"


def test_a_base_lends_its_depth_network(folder: Path, files: list[Path], tmp_path: Path) -> None:
    made = import_model(Wish(source=files[0], models=tmp_path / "models", base=folder))
    weights = "depth_estimator/model.safetensors"
    assert (made / weights).samefile(folder / weights)
    assert open_folder(made).facts.finds_depth
    assert np.array_equal(pixels(made), pixels(folder))


def test_a_folder_keeps_its_depth_network(folder: Path, tmp_path: Path) -> None:
    made = import_model(Wish(source=folder, models=tmp_path / "models", name="mine"))
    weights = "depth_estimator/model.safetensors"
    assert (made / weights).samefile(folder / weights)
    assert np.array_equal(pixels(made), pixels(folder))

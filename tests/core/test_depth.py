"""Depth for ControlNets: by a model as transformers' own pipeline says it, and roughly, without one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from transformers import (
    DepthAnythingConfig,
    DepthAnythingForDepthEstimation,
    Dinov2Config,
    DPTConfig,
    DPTForDepthEstimation,
    GLPNConfig,
    GLPNForDepthEstimation,
)
from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil
from transformers.models.glpn.image_processing_pil_glpn import GLPNImageProcessorPil
from transformers.pipelines import pipeline

from backends.core.contract import DEPTH, Control, InvalidRequest
from backends.core.control import ROUGHLY, found_by, guide
from backends.core.depth_model import model_depth
from backends.core.guided_filter import guided
from backends.core.quiet import quiet
from backends.core.rough_depth import rough_depth
from backends.core.shelf import Shelf
from tests.families.reference import png_bytes, start_picture

PICTURE = start_picture(96).resize((96, 64))


def depth_anything(folder: Path, **settings: Any) -> None:
    stages: Any = {"out_features": ["stage1", "stage2", "stage3", "stage4"]}
    backbone = Dinov2Config(
        hidden_size=16, num_hidden_layers=4, num_attention_heads=2, image_size=42, patch_size=14,
        reshape_hidden_states=False, **stages,
    )  # fmt: skip
    config = DepthAnythingConfig(
        backbone_config=backbone, reassemble_hidden_size=16, neck_hidden_sizes=[4, 8, 8, 8], patch_size=14,
        fusion_hidden_size=8, head_hidden_size=8, **settings,
    )  # fmt: skip
    save(DepthAnythingForDepthEstimation(config), folder, 0.1 if settings else 0.3)
    sides = {"height": 42, "width": 42}
    DPTImageProcessorPil(size=sides, ensure_multiple_of=14, keep_aspect_ratio=True).save_pretrained(folder)


def metres(folder: Path) -> None:
    depth_anything(folder, depth_estimation_type="metric", max_depth=20)


def dpt(folder: Path) -> None:
    config = DPTConfig(
        hidden_size=16, num_hidden_layers=4, num_attention_heads=2, intermediate_size=32, image_size=32,
        patch_size=8, backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[4, 8, 8, 8], fusion_hidden_size=8,
        is_hybrid=False,
    )  # fmt: skip
    save(DPTForDepthEstimation(config), folder)
    DPTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)


def glpn(folder: Path) -> None:
    config = GLPNConfig(
        depths=[1, 1, 1, 1], hidden_sizes=[4, 8, 8, 16], decoder_hidden_size=8,
        num_attention_heads=[1, 1, 2, 2],
    )  # fmt: skip
    save(GLPNForDepthEstimation(config), folder)
    GLPNImageProcessorPil().save_pretrained(folder)


def save(network: Any, folder: Path, spread: float = 0.3) -> None:
    """With weights that say something else at each place."""
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=spread)
    network.save_pretrained(folder)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    quiet()
    torch.manual_seed(4)
    return tmp_path / "preprocessors"


def by_pipeline(folder: Path) -> dict[str, Any]:
    found: Any = pipeline("depth-estimation", model=str(folder), image_processor=str(folder))
    return found(PICTURE)


@pytest.mark.parametrize("write", [depth_anything, dpt])
def test_as_transformers_pipeline(place: Path, write: Callable[[Path], None]) -> None:
    write(place / "small")
    expected = np.asarray(by_pipeline(place / "small")["depth"])
    made = np.asarray(model_depth(PICTURE, place / "small"))
    assert np.array_equal(made, expected)
    assert (made.min(), made.max()) == (0, 255)


@pytest.mark.parametrize("write", [metres, glpn])
def test_metres_are_turned_round(place: Path, write: Callable[[Path], None]) -> None:
    write(place / "small")
    far = by_pipeline(place / "small")["predicted_depth"].numpy()
    near = 1 / far
    expected = (near - near.min()) / (near.max() - near.min()) * 255
    made = np.asarray(model_depth(PICTURE, place / "small"), float)
    assert np.abs(made - expected).max() <= 1
    assert made.flat[far.argmin()] == 255


def test_a_model_on_the_shelf_is_used(place: Path) -> None:
    depth_anything(place / "small")
    shelf = Shelf([place.parent])
    assert list(shelf.depth_models) == ["small"]
    assert dict(shelf.controlnets) == {}
    control = Control(model="depth", image=png_bytes(PICTURE), prepare=DEPTH, by="small")
    made = guide(control, PICTURE.size, shelf)
    assert np.array_equal(np.asarray(made.convert("L")), np.asarray(model_depth(PICTURE, place / "small")))
    assert made.mode == "RGB"
    assert found_by(control, shelf).startswith("small: ")
    assert len(found_by(control, shelf)) == len("small: ") + 64


def test_one_among_the_controlnets_is_no_controlnet(place: Path) -> None:
    depth_anything(place / "small")
    nets = place.parent / "controlnets"
    shutil.move(place / "small", nets / "small")
    (nets / "canny.safetensors").touch()
    shelf = Shelf([place.parent])
    assert list(shelf.depth_models) == ["small"]
    assert list(shelf.controlnets) == ["canny"]


def test_without_one_it_is_a_rough_estimate(tmp_path: Path) -> None:
    control = Control(model="depth", image=png_bytes(PICTURE), prepare=DEPTH)
    made = guide(control, PICTURE.size, Shelf([tmp_path]))
    assert np.array_equal(np.asarray(made.convert("L")), np.asarray(rough_depth(PICTURE)))
    assert found_by(control, Shelf([tmp_path])) == ROUGHLY
    assert found_by(Control(model="canny", image=b"", prepare="canny"), Shelf()) == ""


def test_what_can_not_be_used_is_told(place: Path) -> None:
    depth_anything(place / "small")
    wanted: dict[str, Any] = {"model": "depth", "image": png_bytes(PICTURE), "prepare": DEPTH}
    with pytest.raises(InvalidRequest, match="smal"):
        guide(Control(**wanted, by="smal"), PICTURE.size, Shelf([place.parent]))
    with pytest.raises(InvalidRequest, match="no depth model"):
        guide(Control(**wanted, by="small"), PICTURE.size, Shelf())
    with pytest.raises(InvalidRequest, match="Only depth"):
        Control(model="canny", image=b"", prepare="canny", by="small")
    (place / "small" / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(InvalidRequest, match="can't be used"):
        model_depth(PICTURE, place / "small")
    (place / "small" / "model.safetensors").unlink()
    torch.save({}, place / "small" / "pytorch_model.bin")  # a pickle is not opened
    with pytest.raises(InvalidRequest, match="can't be used"):
        model_depth(PICTURE, place / "small")
    (place / "small" / "config.json").write_text(json.dumps({"model_type": "zoedepth"}))
    with pytest.raises(InvalidRequest, match="a kind that is not known"):
        model_depth(PICTURE, place / "small")


def of(image: Image.Image) -> np.ndarray:
    return np.asarray(rough_depth(image), float) / 255


def photograph(name: str) -> Image.Image:
    found = find_spec("sklearn")
    if found is None or found.origin is None:
        pytest.skip("scikit-learn's photographs are not here")
    return Image.open(Path(found.origin).parent / "datasets" / "images" / name)


def test_a_flower_is_before_its_leaves() -> None:
    depth = of(photograph("flower.jpg"))
    flower, leaves = depth[120:290, 220:400], depth[40:200, 30:160]
    assert flower.mean() > leaves.mean() + 0.15
    assert depth[190, 420:440].mean() - depth[190, 470:490].mean() > 0.1  # its outline


def test_a_pagoda_is_between_the_sky_and_the_trees() -> None:
    depth = of(photograph("china.jpg"))
    sky, roof, trees = depth[20:110, 350:600], depth[110:250, 150:240], depth[380:420, 200:600]
    assert sky.mean() + 0.2 < roof.mean()
    assert roof.mean() + 0.1 < trees.mean()
    assert np.corrcoef(depth.mean(1), np.arange(len(depth)))[0, 1] > 0.9


@pytest.mark.parametrize(("ground", "thing"), [("#c8b070", "#303060"), ("#305020", "#e0e0d0")])
def test_a_thing_on_the_ground_stands_out_with_its_outline(ground: str, thing: str) -> None:
    image = Image.new("RGB", (256, 256), "#a0c8f0")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 160, 256, 256), fill=ground)
    draw.ellipse((90, 90, 166, 200), fill=thing)
    depth = of(image)
    assert depth[120, 128] > depth[120, 60] + 0.2
    assert depth[250, 20] > depth[170, 20] > depth[150, 20] > depth[5, 20]
    assert depth[120, 96:160].std() < 0.05
    edge = np.abs(np.diff(depth[145, 60:128])).argmax() + 60
    assert abs(edge - 90) <= 2


@pytest.mark.parametrize("colour", ["black", "white", "#306090"])
def test_an_even_picture_is_nearer_below(colour: str) -> None:
    depth = of(Image.new("RGB", (70, 50), colour))
    assert (np.diff(depth.mean(1)) >= 0).all()
    assert depth[-1].mean() > depth[0].mean()


def test_the_same_picture_has_the_same_depth() -> None:
    assert np.array_equal(of(PICTURE), of(PICTURE))


def test_the_filter_keeps_what_colours_tell() -> None:
    large = np.random.default_rng(2).random((60, 80, 3))
    small = large[::2, ::2]
    weights = np.array([0.3, -0.2, 0.7])
    found = guided(small @ weights + 0.1, small, large, 4, 1e-9)
    assert np.allclose(found, large @ weights + 0.1, atol=1e-5)

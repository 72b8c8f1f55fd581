"""Configurations told by shapes are the published ones, at the published sizes; nothing is in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from backends.core.model_folder import open_folder
from backends.core.quiet import quiet
from backends.core.streaming_files import build_empty
from convert.source.piece_configs import (
    fits_together,
    guess_distilled,
    model_index,
    part_config,
    scheduler_config,
)
from desktop.downloads.recommended import RECOMMENDED
from tests.convert.single_files_transformers import zimage_names

PUBLISHED = {each.repo: each for each in RECOMMENDED}
MODELS = {"zimage": "Tongyi-MAI/Z-Image-Turbo", "flux2": "black-forest-labs/FLUX.2-klein-4B"}
PARTS = ("transformer", "text_encoder", "vae")


def shapes_of(folder: Path, part: str) -> dict[str, tuple[int, ...]]:
    """A part's tensors, by the names that its files have."""
    module = build_empty(open_folder(folder), part)
    inner = "model." if part == "text_encoder" else ""
    return {inner + name: tuple(each.shape) for name, each in module.state_dict().items()}


@pytest.fixture(scope="module", params=MODELS)
def published(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    quiet()
    folder = tmp_path_factory.mktemp("published") / request.param
    PUBLISHED[MODELS[request.param]].describe_in(folder)
    return request.param, folder


def test_they_are_those_that_are_published(published: tuple[str, Path], tmp_path: Path) -> None:
    family, folder = published
    told = PUBLISHED[MODELS[family]]
    configs: dict[str, Mapping[str, Any]] = {}
    for part in PARTS:
        configs[part] = part_config(family, part, shapes_of(folder, part))
        known = told.parts[part]
        ours = {key: configs[part].get(key) for key in known}
        assert ours == {**known, **_told_otherwise(known)}, part
    assert fits_together(family, configs)
    index = model_index(family, distilled=True)
    assert {key: index.get(key) for key in told.index} == dict(told.index)
    schedule = scheduler_config(family, distilled=True)
    assert {key: schedule.get(key) for key in told.parts["scheduler"]} == told.parts["scheduler"]


def _told_otherwise(known: Mapping[str, Any]) -> dict[str, Any]:
    """A table's length that changes no number: Z-Image's own files say 1536."""
    return {"axes_lens": [1536, 512, 512]} if "axes_lens" in known else {}


def test_what_they_describe_has_the_published_shapes(published: tuple[str, Path], tmp_path: Path) -> None:
    """A folder of nothing but these configurations is built as the published one is."""
    family, folder = published
    for part in PARTS:
        shapes = shapes_of(folder, part)
        _write(tmp_path / part / "config.json", part_config(family, part, shapes))
    _write(tmp_path / "model_index.json", model_index(family, distilled=True))
    _write(tmp_path / "scheduler/scheduler_config.json", scheduler_config(family, distilled=True))
    _write(tmp_path / "tokenizer/tokenizer_config.json", {"model_max_length": 131_072})
    for part in PARTS:
        assert shapes_of(tmp_path, part) == shapes_of(folder, part)
    ours, theirs = open_folder(tmp_path).facts, open_folder(folder).facts
    assert ours.family == theirs.family == family
    assert (ours.defaults, ours.takes_guidance) == (theirs.defaults, theirs.takes_guidance)


def test_z_image_has_as_many_tensors_as_comfyuis_file(published: tuple[str, Path]) -> None:
    """z_image_turbo_bf16.safetensors holds 453 of 12.31 GB, qwen_3_4b.safetensors 398."""
    import torch

    family, folder = published
    reader = shapes_of(folder, "text_encoder")
    assert len(reader) == 398
    if family == "zimage":
        whole = shapes_of(folder, "transformer")
        named = zimage_names({name: torch.empty(shape, device="meta") for name, shape in whole.items()})
        assert len(named) == 453
        assert round(2 * sum(each.numel() for each in named.values()) / 1e9, 2) == 12.31


def test_the_undistilled_ones_are_told_by_their_schedule() -> None:
    assert scheduler_config("zimage", distilled=False)["shift"] == 6.0
    assert model_index("flux2", distilled=False)["is_distilled"] is False
    assert guess_distilled("zimage", "whatever")[0]


def _write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))

"""The Core ML backend through our interpreter: a tiny model's pictures against the CPU's."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from backends.core import coreml_folder, coreml_runtime, registry
from backends.core.contract import (
    BackendUnavailable,
    BrokenModel,
    InvalidRequest,
    Stages,
)
from backends.core.coreml_folder import open_converted
from backends.core.model_folder import open_folder
from backends.core.registry import get_backend
from convert import recipes
from desktop.model.form import ModelChoice
from desktop.model.make import Make
from desktop.session import Session
from tests.coreml_backend.kit import NETWORKS, REQUEST, SIZE, decibels, left_half, pixels, start_picture


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"guidance_scale": 1.0},
        {"clip_skip": 2, "negative_prompt": "snow"},
        {"init_image": start_picture(), "strength": 0.7},
        {"init_image": start_picture(), "strength": 1.0, "mask": left_half(), "feather": 4},
    ],
    ids=["guided", "unguided", "clip skip", "from a picture", "within a mask"],
)
def test_the_picture_is_the_cpus(both: tuple[Stages, Stages], change: dict[str, Any]) -> None:
    request = replace(REQUEST, **change)
    assert decibels(*(pixels(request, stages) for stages in both)) > 30


def test_the_record_says_what_made_it(both: tuple[Stages, Stages]) -> None:
    told = both[0].provenance
    assert told["backend"] == "coreml"
    assert told["device"] == "reference interpreter (fp16)"
    assert len(told["model_hash"]) == 64


def test_the_folder_says_how_it_was_made(converted: Path) -> None:
    told = json.loads((converted / "model.json").read_text())
    assert told["made_for"] == "coreml"
    assert told["coreml"]["attention"] == "split-einsum-chunked"
    assert set(told["coreml"]["packages"]) == set(NETWORKS)
    model = open_converted(converted)
    assert (model.sizes, model.bits, model.guidance_batch) == ((SIZE,), 16, 2)
    assert coreml_folder.CONVERTER == recipes.CONVERTER
    assert {path.name for path in converted.parent.iterdir()} == {"tiny", "tiny-coreml"}


def test_another_size_is_refused_with_what_to_do(both: tuple[Stages, Stages]) -> None:
    with pytest.raises(InvalidRequest, match="converted for 64 x 96") as refused:
        both[0].check_size(128, 128)
    assert "mezzotint convert --size" in refused.value.action


def test_it_is_chosen_for_a_converted_model_and_for_no_other(converted: Path, tiny: Path) -> None:
    assert get_backend("auto", converted).capabilities.id == "coreml"
    assert get_backend("auto", tiny).capabilities.id != "coreml"
    with pytest.raises(BrokenModel, match="not prepared for Core ML"):
        get_backend("coreml").open(tiny, {})
    with pytest.raises(BrokenModel, match="converted for coreml"):
        get_backend("cpu_offload").open(converted, {})


def test_without_a_mac_it_says_so(converted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(coreml_runtime.VARIABLE)
    monkeypatch.setattr(coreml_runtime.sys, "platform", "linux")
    with pytest.raises(BackendUnavailable, match="needs a Mac"):
        get_backend("coreml")
    with pytest.raises(BackendUnavailable, match="converted for Core ML") as refused:
        get_backend("auto", converted)
    assert "made from" in refused.value.action
    assert registry.CONVERTED in registry.all_backends()[0].capabilities.features


def test_the_networks_need_neither_diffusers_models_nor_transformers() -> None:
    """Torch is there for samplers and arrays, transformers for its tokenizer alone."""
    script = (
        "import sys; import backends.coreml, backends.core.coreml_stages, backends.core.pipeline\n"
        "print([m for m in sys.modules if m.startswith(('diffusers.models', 'transformers.models'))])"
    )
    root = Path(coreml_folder.__file__).parents[2]
    told = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "[]"


@pytest.mark.thorough
def test_the_windows_worker_makes_the_same_picture(
    converted: Path, both: tuple[Stages, Stages], qtbot: QtBot, tmp_path: Path
) -> None:
    """The whole way: the window's session, a process of its own, this backend, a picture."""
    session = Session(lambda made: tmp_path / "x.png")
    defaults = open_folder(converted).facts.defaults
    make = Make(session, [ModelChoice(name="tiny", title="Tiny", folder=converted, defaults=defaults)])
    session.happened.connect(make.take)
    for name in ("prompt", "width", "height", "steps", "guidance_scale", "sampler"):
        setattr(make.form, name, getattr(REQUEST, name))
    make.form.choose_seed(7)
    make.generate()
    qtbot.waitUntil(lambda: make.studio.problem is not None or bool(make.studio.recent), timeout=300_000)
    assert make.studio.problem is None
    (made,) = make.studio.recent
    session.close()
    assert made.event.provenance["device"] == "reference interpreter (fp16)"
    assert decibels(np.frombuffer(made.event.picture.rgb, np.uint8), pixels(REQUEST, both[1])) > 30

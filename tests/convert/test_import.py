"""Single files become folders that make the same pixels as the folders they were made from."""

from __future__ import annotations

import hashlib
import json
import socket
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from backends.core import pipeline
from backends.core.contract import BrokenModel, InvalidRequest, PictureReady, Request
from backends.core.model_folder import open_folder
from backends.core.registry import get_backend
from convert.import_model import Wish, import_model
from tests.convert.single_files import make_folder, single_file

VERSIONS = (1, 2)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("an import asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    place = tmp_path_factory.mktemp("made")
    return {version: make_folder(place / f"sd{version}", version) for version in VERSIONS}


def _pixels(folder: Path) -> np.ndarray:
    request = Request(
        prompt="a panda, at the beach",
        seed=7,
        steps=2,
        width=64,
        height=64,
        guidance_scale=5.0,
        sampler="ddim",
    )
    stages = get_backend("cpu_offload").open(folder, {})
    try:
        events = list(pipeline.generate(request, stages, previews=False))
    finally:
        stages.close()
    picture = next(event.picture for event in events if isinstance(event, PictureReady))
    return np.frombuffer(picture.rgb, np.uint8)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ["safetensors", "ckpt"])
def test_same_pixels(folders: dict[int, Path], tmp_path: Path, version: int, kind: str) -> None:
    source = tmp_path / f"friend.{kind}"
    tensors = single_file(folders[version], version)
    if kind == "ckpt":
        torch.save({"state_dict": tensors, "global_step": 3}, source)
    else:
        save_file(tensors, source)
    wish = Wish(source=source, models=tmp_path / "models", prediction="epsilon")
    folder = import_model(wish)
    assert np.array_equal(_pixels(folder), _pixels(folders[version]))
    told = json.loads((folder / "model.json").read_text())["imported"]
    assert told["sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert told["short"] == told["sha256"][:10]
    assert [p.name for p in wish.models.iterdir()] == ["friend"]


def test_v_prediction_is_read_from_the_file(folders: dict[int, Path], tmp_path: Path) -> None:
    tensors = single_file(folders[1], 1) | {"v_pred": torch.zeros(0), "ztsnr": torch.zeros(0)}
    save_file(tensors, tmp_path / "v.safetensors")
    folder = import_model(Wish(source=tmp_path / "v.safetensors", models=tmp_path / "models"))
    assert open_folder(folder).facts.prediction_type == "v_prediction"
    assert open_folder(folder).configs["scheduler"]["rescale_betas_zero_snr"] is True


def test_a_vae_alone_needs_a_base_and_takes_the_rest_from_it(
    folders: dict[int, Path], tmp_path: Path
) -> None:
    whole = single_file(folders[1], 1)
    stem = "first_stage_model."
    vae = {k.removeprefix(stem): v * 0.5 for k, v in whole.items() if k.startswith(stem)}
    save_file(vae, tmp_path / "vae.safetensors")
    wish = Wish(source=tmp_path / "vae.safetensors", models=tmp_path / "models")
    with pytest.raises(BrokenModel, match="holds no text encoder and no UNet"):
        import_model(wish)
    assert list(wish.models.iterdir()) == []
    folder = import_model(Wish(source=wish.source, models=wish.models, base=folders[1]))
    linked = folder / "unet/diffusion_pytorch_model.safetensors"
    assert linked.samefile(folders[1] / "unet/diffusion_pytorch_model.safetensors")
    assert not np.array_equal(_pixels(folder), _pixels(folders[1]))


def test_an_inpainting_model_is_said_to_be_one(folders: dict[int, Path], tmp_path: Path) -> None:
    tensors = single_file(folders[1], 1)
    tensors["model.diffusion_model.input_blocks.0.0.weight"] = torch.zeros(32, 9, 3, 3)
    save_file(tensors, tmp_path / "x.safetensors")
    with pytest.raises(BrokenModel, match="is an inpainting model"):
        import_model(Wish(source=tmp_path / "x.safetensors", models=tmp_path / "models"))


def test_a_folder_is_linked_without_a_second_copy(folders: dict[int, Path], tmp_path: Path) -> None:
    folder = import_model(Wish(source=folders[1], models=tmp_path / "models", name="mine"))
    weights = "unet/diffusion_pytorch_model.safetensors"
    assert (folder / weights).samefile(folders[1] / weights)
    with pytest.raises(InvalidRequest, match="already a model called mine"):
        import_model(Wish(source=folders[1], models=tmp_path / "models", name="mine"))

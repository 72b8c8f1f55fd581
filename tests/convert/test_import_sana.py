"""SANA-Sprint's own files: pickles with the authors' names, and what they become."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from backends.core.contract import BrokenModel, InvalidRequest, Stages
from backends.core.quiet import quiet
from backends.core.registry import get_backend
from convert.import_model import Wish, import_model
from convert.source.describe import describe
from tests.convert import single_files_transformers as files
from tests.families.reference import make
from tests.tiny_sana import make_tiny_sana
from tests.tiny_zimage import make_tiny_zimage


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    quiet()
    return make_tiny_sana(tmp_path_factory.mktemp("sana") / "sprint")


def pixels(folder: Path) -> np.ndarray:
    stages: Stages = get_backend("cpu_offload").open(folder, {})
    try:
        return make(stages, (64, 64), steps=2, sampler="lcm", negative_prompt="")
    finally:
        stages.close()


@pytest.fixture(scope="module")
def pickle(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As Efficient-Large-Model publishes Sana_Sprint_1.6B_1024px."""
    path = tmp_path_factory.mktemp("files") / "Sana_Sprint_1.6B_1024px.pth"
    torch.save({"state_dict": files.original(folder, "transformer"), "epoch": 3}, path)
    return path


def test_the_authors_pickle(folder: Path, pickle: Path, tmp_path: Path) -> None:
    base = files.spoilt(folder, tmp_path / "base", "transformer")
    made = import_model(Wish(source=pickle, models=tmp_path / "models", base=base))
    found, wanted = files.weights(made, "transformer"), files.weights(folder, "transformer")
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    assert np.array_equal(pixels(made), pixels(folder))
    assert not np.array_equal(pixels(made), pixels(base))


@pytest.mark.parametrize("naming", ["original", "diffusers"])
def test_the_same_as_safetensors(folder: Path, tmp_path: Path, naming: str) -> None:
    tensors = (
        files.original(folder, "transformer")
        if naming == "original"
        else files.weights(folder, "transformer")
    )
    source = files.write(tmp_path / "sprint.safetensors", tensors, "model.diffusion_model.")
    assert describe(source) == "a SANA-Sprint transformer: import it with --base"
    base = files.spoilt(folder, tmp_path / "base", "transformer")
    made = import_model(Wish(source=source, models=tmp_path / "models", base=base))
    assert np.array_equal(pixels(made), pixels(folder))


def test_what_is_said_without_a_base_and_with_a_wrong_one(folder: Path, pickle: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    with pytest.raises(
        BrokenModel, match=r"no text encoder or VAE in Sana_Sprint_1\.6B_1024px\.pth"
    ) as caught:
        import_model(Wish(source=pickle, models=models))
    assert caught.value.action == "Give a SANA-Sprint model that has the rest with --base."
    other = make_tiny_zimage(tmp_path / "zimage")
    with pytest.raises(InvalidRequest, match="zimage is no SANA-Sprint model"):
        import_model(Wish(source=pickle, models=models, base=other))
    odd = dict(load_file(next((folder / "transformer").glob("*.safetensors"))))
    del odd["transformer_blocks.1.attn2.norm_k.weight"]
    source = files.write(tmp_path / "odd.safetensors", odd)
    with pytest.raises(BrokenModel, match=r"odd\.safetensors does not fit the SANA-Sprint model"):
        import_model(Wish(source=source, models=models, base=folder))
    assert not list(models.iterdir())


def test_sana_without_sprint_is_refused_by_name(folder: Path, tmp_path: Path) -> None:
    tensors = files.original(folder, "transformer")
    plain = {name: each for name, each in tensors.items() if not name.startswith("cfg_embedder.")}
    source = files.write(tmp_path / "sana.safetensors", plain)
    with pytest.raises(BrokenModel, match=r"sana\.safetensors is a Sana model without Sprint"):
        import_model(Wish(source=source, models=tmp_path / "models", base=folder))

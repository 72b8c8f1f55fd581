"""Single files of SD 3 and 3.5, which test_import.py imports without a network: what they may lack."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from backends.core.contract import BrokenModel, Stages
from backends.core.model_folder import open_folder
from backends.core.registry import get_backend
from convert.import_model import Wish, import_model
from convert.source.describe import describe
from tests.convert.single_files_sd3 import make_folder, single_file
from tests.families.reference import make


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sd3")


@pytest.fixture(scope="module")
def newer(place: Path) -> Path:
    return make_folder(place / "newer", newer=True)


def pixels(folder: Path) -> np.ndarray:
    stages: Stages = get_backend("cpu_offload").open(folder, {})
    try:
        return make(stages, (64, 64), steps=2)
    finally:
        stages.close()


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "transformer/diffusion_pytorch_model.safetensors")


def test_a_file_of_3_has_other_blocks_than_one_of_3_5(place: Path, tmp_path: Path) -> None:
    folder, file = make_folder(place / "older", newer=False), tmp_path / "sd3_medium_incl_clips.safetensors"
    save_file(single_file(folder), file)
    said: list[str] = []
    imported = import_model(Wish(source=file, models=tmp_path / "models"), said.append)
    assert "T5 is left out: its vocabulary is not in the file" in said
    found, expected = weights(imported), weights(folder)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert open_folder(imported).configs["transformer"]["dual_attention_layers"] == []
    assert describe(file) == "Stable Diffusion 3"


def test_without_text_encoders_it_says_which_and_takes_them_from_a_base(newer: Path, tmp_path: Path) -> None:
    file, models = tmp_path / "sd3.5_medium.safetensors", tmp_path / "models"
    save_file(single_file(newer, clips=False), file)
    with pytest.raises(BrokenModel, match="no text encoder and no second text encoder") as caught:
        import_model(Wish(source=file, models=models))
    assert caught.value.action == "Give a model that has it with --base."
    assert "without its text encoders" in describe(file)
    assert np.array_equal(pixels(import_model(Wish(source=file, models=models, base=newer))), pixels(newer))


def test_t5_comes_from_a_base_that_has_it(newer: Path, tmp_path: Path) -> None:
    from tests.tiny_transformers import _write_t5

    file, base = tmp_path / "sd3.5_medium.safetensors", tmp_path / "with-t5"
    save_file(single_file(newer, clips=False), file)
    shutil.copytree(newer, base)
    index = json.loads((base / "model_index.json").read_text()) | _write_t5(base, "_3", 256)
    (base / "model_index.json").write_text(json.dumps(index))
    imported = open_folder(import_model(Wish(source=file, models=tmp_path / "models", base=base)))
    imported.check_files()
    assert "text_encoder_3" in imported.networks
    assert imported.tokenizers == ("tokenizer", "tokenizer_2", "tokenizer_3")


def test_a_file_that_lacks_a_tensor_is_told(newer: Path, tmp_path: Path) -> None:
    tensors = single_file(newer)
    del tensors["model.diffusion_model.joint_blocks.1.x_block.attn.proj.weight"]
    save_file(tensors, tmp_path / "cut.safetensors")
    with pytest.raises(BrokenModel, match="looks like Stable Diffusion 3, but does not fit it"):
        import_model(Wish(source=tmp_path / "cut.safetensors", models=tmp_path / "models"))
    assert list((tmp_path / "models").iterdir()) == []


def test_a_vae_alone_is_built_as_the_base_says(newer: Path, tmp_path: Path) -> None:
    """Without the convolutions around it that Stable Diffusion 1 has."""
    stem = "first_stage_model."
    whole = single_file(newer)
    vae = {name.removeprefix(stem): each * 0.5 for name, each in whole.items() if name.startswith(stem)}
    save_file(vae, tmp_path / "vae.safetensors")
    wish = Wish(source=tmp_path / "vae.safetensors", models=tmp_path / "models", base=newer)
    folder = import_model(wish)
    model, before = open_folder(folder), open_folder(newer)
    assert model.configs["vae"] == before.configs["vae"]
    (found,), (wanted,) = (
        (load_file(path) for path in model.weight_files("vae")),
        (load_file(path) for path in before.weight_files("vae")),
    )
    assert all(torch.equal(found[name], wanted[name] * 0.5) for name in wanted)
    assert not np.array_equal(pixels(folder), pixels(newer))


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model."])
def test_a_transformer_alone_takes_the_rest_from_a_base(newer: Path, tmp_path: Path, prefix: str) -> None:
    stem = "model.diffusion_model."
    whole = single_file(newer)
    alone = {prefix + name.removeprefix(stem): each for name, each in whole.items() if name.startswith(stem)}
    save_file(alone, tmp_path / "sd3.5.safetensors")
    with pytest.raises(BrokenModel, match="holds no text encoder and no second text encoder and no VAE"):
        import_model(Wish(source=tmp_path / "sd3.5.safetensors", models=tmp_path / "models"))
    assert describe(tmp_path / "sd3.5.safetensors") == "a transformer alone: import it with --base"
    wish = Wish(source=tmp_path / "sd3.5.safetensors", models=tmp_path / "models", base=newer)
    assert np.array_equal(pixels(import_model(wish)), pixels(newer))


def test_a_gguf_file_of_a_transformer(newer: Path, tmp_path: Path) -> None:
    """As city96 publishes them; one that ggml wrote has lost the first side of the table of places."""
    pytest.importorskip("gguf")
    from tests.convert.test_gguf_transformers import write

    stem = "model.diffusion_model."
    alone = {n.removeprefix(stem): each for n, each in single_file(newer).items() if n.startswith(stem)}
    for name, lost in {"kept": False, "lost": True}.items():
        write(tmp_path / f"{name}.gguf", alone, "F16", lost=lost)
        made = import_model(Wish(source=tmp_path / f"{name}.gguf", models=tmp_path / "models", base=newer))
        found, wanted = weights(made), weights(newer)
        assert found.keys() == wanted.keys()
        assert all(torch.equal(found[each].float(), wanted[each].float()) for each in wanted)

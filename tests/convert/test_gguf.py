"""GGUF files, written by the gguf library itself, become folders; what they lack comes from a base."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file

from backends.core.contract import BrokenModel
from backends.core.model_folder import open_folder
from convert.import_model import Wish, import_model
from convert.source import gguf_file
from tests.convert.single_files import make_folder, single_file

gguf: Any = pytest.importorskip("gguf")
UNET = "model.diffusion_model."
PACKED = "input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight"


@pytest.fixture(scope="module", params=["1.x", pytest.param("XL", marks=pytest.mark.thorough)])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("made") / request.param, request.param)


def version(folder: Path) -> str:
    return folder.name


def write(path: Path, tensors: dict[str, np.ndarray], *, packing: str = "Q8_0") -> Path:
    """Rows that can be packed are; the rest stays as it is. Convolutions as ComfyUI-GGUF has them."""
    kind = gguf.GGMLQuantizationType[packing]
    writer = gguf.GGUFWriter(path, "sd1")
    for name, tensor in tensors.items():
        flat = tensor
        if tensor.ndim == 4 and tensor.size % 256 == 0 and tensor.shape[-1] == 3:
            writer.add_array(f"comfy.gguf.orig_shape.{name}", [int(side) for side in tensor.shape])
            flat = tensor.reshape(-1, 256)
        if (flat.ndim == 2 and flat.shape[1] % 256 == 0) or (flat.ndim == 2 and flat.shape[1] % 32 == 0):
            writer.add_tensor(name, gguf.quants.quantize(flat, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, flat)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def unet_of(folder: Path) -> dict[str, np.ndarray]:
    tensors = single_file(folder, version(folder)).items()
    return {key.removeprefix(UNET): each.float().numpy() for key, each in tensors if key.startswith(UNET)}


def test_a_unet_takes_the_rest_from_its_base(folder: Path, tmp_path: Path) -> None:
    tensors = unet_of(folder)
    source = write(tmp_path / "friend.gguf", tensors)
    made = import_model(Wish(source=source, models=tmp_path / "models", base=folder))
    facts, before = open_folder(made), open_folder(folder)
    assert facts.facts.family == before.facts.family
    (ours,), (theirs,) = facts.weight_files("unet"), before.weight_files("unet")
    found, expected = load_file(ours), load_file(theirs)
    assert found.keys() == expected.keys()
    worst = max(float((found[key].float() - expected[key].float()).abs().max()) for key in found)
    most = max(float(each.float().abs().max()) for each in expected.values())
    assert 0 < worst <= most / 127  # eight bits: half a step of each row's largest number, and half precision
    assert made.joinpath("model.json").read_text().count("friend.gguf") == 2


def test_without_packing_nothing_is_lost(folder: Path, tmp_path: Path) -> None:
    whole = {key: each.float().numpy() for key, each in single_file(folder, version(folder)).items()}
    source = write(tmp_path / "whole-512.gguf", whole, packing="F32")
    made = open_folder(import_model(Wish(source=source, models=tmp_path / "models")))
    for part in made.networks:
        (ours,), (theirs,) = made.weight_files(part), open_folder(folder).weight_files(part)
        found, expected = load_file(ours), load_file(theirs)
        assert all((found[key].float() == expected[key].float()).all() for key in expected)


@pytest.mark.parametrize("harm", ["cut", "counts", "name"])
def test_a_damaged_one_is_said_to_be(tmp_path: Path, harm: str) -> None:
    source = write(tmp_path / "a.gguf", {"input_blocks.0.0.weight": np.zeros((32, 4, 3, 3), np.float32)})
    data = source.read_bytes()
    if harm == "cut":
        source.write_bytes(data[: len(data) // 2])
    elif harm == "counts":
        source.write_bytes(data[:8] + b"\xff" * 16 + data[24:])
    else:
        source = source.rename(tmp_path / "a.safetensors")
    with pytest.raises(BrokenModel, match="under another name" if harm == "name" else "a.gguf is damaged"):
        import_model(Wish(source=source, models=tmp_path / "models"))
    assert list((tmp_path / "models").iterdir()) == []


def test_without_the_library_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write(tmp_path / "a.gguf", {"x": np.zeros((2, 32), np.float32)})
    monkeypatch.setattr(gguf_file.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(BrokenModel, match=r"pip install mezzotint\[gguf\]"):
        import_model(Wish(source=source, models=tmp_path / "models"))

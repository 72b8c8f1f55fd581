"""GGUF files of Z-Image and FLUX.2 klein, as ComfyUI-GGUF, stable-diffusion.cpp and llama.cpp write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from backends.core.contract import BrokenModel
from backends.core.quiet import quiet
from convert.import_model import Wish, import_model
from convert.source import gguf_file
from tests.convert import single_files_transformers as files
from tests.convert.test_import_transformers import pixels

gguf: Any = pytest.importorskip("gguf")
FAMILIES = ("flux2", "zimage")
ARCHITECTURES = {"flux2": "flux", "zimage": "lumina2"}
Tensors = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Of two heads, so that rows are as long as K-quants need them; in half precision."""
    quiet()
    place = tmp_path_factory.mktemp("whole")
    return {each: files.make_folder(place / each, each, torch.float16, heads=2) for each in FAMILIES}


def write(path: Path, tensors: Tensors, packing: str, *, prefix: str = "", lost: bool = False) -> Tensors:
    """Matrices are packed where their rows are long enough, the rest is kept in float32. Returns the numbers
    that the file stands for. `lost` are sides of 1, which ggml doesn't write."""
    kind = gguf.GGMLQuantizationType[packing]
    block, _ = gguf.GGML_QUANT_SIZES[kind]
    writer = gguf.GGUFWriter(path, "" if prefix else ARCHITECTURES.get(path.stem, "qwen3"))
    numbers: Tensors = {}
    for name, each in tensors.items():
        whole = each.float().numpy()
        if lost and len(whole) == 1:
            whole = whole[0]
        fits = whole.ndim == 2 and whole.shape[1] % block == 0
        packed = _packed(whole, kind) if fits else whole
        writer.add_tensor(f"{prefix}{name}", packed, raw_dtype=kind if fits else None)
        stands_for = torch.from_numpy(gguf.quants.dequantize(packed, kind)) if fits else each.float()
        numbers[name] = (
            stands_for.to(torch.bfloat16 if packing == "BF16" else torch.float16) if fits else stands_for
        )
    for step in ("header", "kv_data", "tensors"):
        getattr(writer, f"write_{step}_to_file")()
    writer.close()
    return numbers


def _packed(whole: np.ndarray, kind: Any) -> np.ndarray:
    """By the library; K-quants, which it only reads, are random blocks of a sensible size."""
    if kind.name != "Q4_K":
        return gguf.quants.quantize(whole, kind)
    rows, blocks = whole.shape[0], whole.shape[1] // 256
    random = np.random.default_rng(len(whole)).integers(0, 256, (rows, blocks, 144), np.uint8)
    random[..., :4] = np.array([1e-4, 6e-4], "<f2").view(
        np.uint8
    )  # the scale of scales, and of what is taken off
    return random.reshape(rows, -1)


PACKINGS = (("F16", "model.diffusion_model."), ("Q8_0", ""), ("Q4_K", ""), ("BF16", "model.diffusion_model."))
QUICK = (("flux2", "F16"), ("zimage", "Q8_0"), ("flux2", "Q4_K"), ("zimage", "BF16"))
"""Each packing once; both families have each, thoroughly."""


@pytest.mark.parametrize(
    ("family", "packing", "prefix"),
    [
        pytest.param(
            family, packing, prefix, marks=() if (family, packing) in QUICK else pytest.mark.thorough
        )
        for family in FAMILIES
        for packing, prefix in PACKINGS
    ],
)
def test_a_transformer(
    folders: dict[str, Path], tmp_path: Path, family: str, packing: str, prefix: str
) -> None:
    original, models = files.original(folders[family], "transformer"), tmp_path / "models"
    source = tmp_path / f"{family}.gguf"
    numbers = write(source, original, packing, prefix=prefix, lost=bool(prefix))
    assert any(each.dtype != torch.float32 and each.numel() >= 2**15 for each in numbers.values())
    made = import_model(Wish(source=source, models=models, base=folders[family]))
    if packing == "F16":
        expected = folders[family]
    else:
        plain = files.write(tmp_path / "plain.safetensors", numbers)
        expected = import_model(Wish(source=plain, models=models, base=folders[family]))
    found, wanted = files.weights(made, "transformer"), files.weights(expected, "transformer")
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name].float(), wanted[name].float()) for name in wanted)
    assert np.array_equal(pixels(made), pixels(expected))


@pytest.mark.parametrize("packing", ["F16", "Q8_0"])
def test_a_text_encoder_by_llama_cpp(folders: dict[str, Path], tmp_path: Path, packing: str) -> None:
    whole = files.llama_names(files.weights(folders["zimage"], "text_encoder"))
    base = files.spoilt(folders["zimage"], tmp_path / "base", "text_encoder")
    numbers = write(tmp_path / "Qwen3-4B.gguf", whole, packing)
    made = import_model(Wish(source=tmp_path / "Qwen3-4B.gguf", models=tmp_path / "models", base=base))
    found = files.llama_names(files.weights(made, "text_encoder"))
    assert found.keys() == numbers.keys()
    assert all(torch.equal(found[name].float(), numbers[name].float()) for name in numbers)
    if packing == "F16":
        assert np.array_equal(pixels(made), pixels(folders["zimage"]))


def test_three_files_without_a_base(folders: dict[str, Path], tmp_path: Path) -> None:
    family = "zimage"
    write(tmp_path / f"{family}.gguf", files.original(folders[family], "transformer"), "F16")
    write(tmp_path / "qwen.gguf", files.llama_names(files.weights(folders[family], "text_encoder")), "F16")
    vae = files.write(tmp_path / "ae.safetensors", files.original(folders[family], "vae"))
    wish = Wish(
        source=tmp_path / f"{family}.gguf", models=tmp_path / "models", others=(tmp_path / "qwen.gguf", vae)
    )
    assert np.array_equal(pixels(import_model(wish)), pixels(folders[family]))


@pytest.mark.parametrize("harm", ["cut", "counts", "offset"])
def test_a_damaged_one_is_said_to_be(folders: dict[str, Path], tmp_path: Path, harm: str) -> None:
    source = tmp_path / "zimage.gguf"
    write(source, files.original(folders["zimage"], "transformer"), "Q8_0")
    data = bytearray(source.read_bytes())
    if harm == "cut":
        del data[len(data) * 2 // 3 :]
    elif harm == "counts":
        data[8:24] = b"\xff" * 16
    else:
        at = data.index(b"cap_pad_token") + len(b"cap_pad_token") + 4 + 2 * 8 + 4
        data[at : at + 8] = b"\xf0" + b"\xff" * 6 + b"\x7f"
    source.write_bytes(data)
    with pytest.raises(BrokenModel, match=r"zimage\.gguf is damaged"):
        import_model(Wish(source=source, models=tmp_path / "models", base=folders["zimage"]))
    assert list((tmp_path / "models").iterdir()) == []


def test_another_language_model_is_said_to_be_one(tmp_path: Path) -> None:
    write(tmp_path / "llama.gguf", {"blk.0.attn_q.weight": torch.ones(8, 32)}, "Q8_0")
    with pytest.raises(BrokenModel, match="is a language model, and not Qwen3"):
        import_model(Wish(source=tmp_path / "llama.gguf", models=tmp_path / "models"))
    assert gguf_file.is_gguf(tmp_path / "llama.gguf")

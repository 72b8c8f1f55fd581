"""Files that keep their weights in eight or four bits give the numbers that they stand for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from backends.core.contract import BrokenModel
from backends.core.quiet import quiet
from convert.import_model import Wish, import_model
from convert.source.header import read_header
from convert.source.packing import check_packing, is_packed, unpack_file
from tests.convert import single_files_sd3 as files_sd3
from tests.convert import single_files_transformers as files
from tests.convert.packed_files import STYLES, marked, pack
from tests.convert.single_files import make_folder, single_file
from tests.convert.test_import_transformers import pixels

Tensors = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    quiet()
    return files.make_folder(tmp_path_factory.mktemp("packed") / "zimage", "zimage")


def write(path: Path, tensors: Tensors, metadata: dict[str, str] | None = None, prefix: str = "") -> Path:
    return files.write(path, tensors, prefix, metadata)


def both(tmp_path: Path, packed: Path, plain: Path, base: Path | None) -> tuple[Path, Path]:
    """The folders that the two files become."""
    models = tmp_path / "models"
    first = import_model(Wish(source=packed, models=models, base=base))
    return first, import_model(Wish(source=plain, models=models, base=base, name="plain"))


@pytest.mark.parametrize("style", STYLES)
def test_a_transformer_makes_the_pixels_of_what_it_stands_for(
    folder: Path, tmp_path: Path, style: str
) -> None:
    original = files.original(folder, "transformer")
    tensors, numbers, told = pack(original, style)
    assert (
        sum(name not in original or original[name].dtype != each.dtype for name, each in tensors.items()) > 10
    )
    packed = write(tmp_path / "packed.safetensors", tensors, told, "model.diffusion_model.")
    made, expected = both(tmp_path, packed, write(tmp_path / "plain.safetensors", numbers), folder)
    found, wanted = files.weights(made, "transformer"), files.weights(expected, "transformer")
    assert found.keys() == wanted.keys()
    for name, each in found.items():
        assert each.dtype == torch.bfloat16
        close = 0.0 if style != "rotated" else 1e-2 * float(wanted[name].abs().max())
        assert torch.allclose(each, wanted[name], rtol=0, atol=close), name
    if style != "rotated":  # whose sums are rounded in another order
        assert np.array_equal(pixels(made), pixels(expected))


def test_a_text_encoder_of_mixed_formats(folder: Path, tmp_path: Path) -> None:
    """As ComfyUI publishes Qwen3: most layers in fp8, a few in NVFP4, each saying which."""
    whole = files.weights(folder, "text_encoder")
    four = [name for name in whole if "q_proj" in name]
    packed, numbers, _ = pack({name: each for name, each in whole.items() if name not in four}, "rows")
    others, other_numbers, _ = pack({name: whole[name] for name in four}, "nvfp4")
    told = {f"{name.removesuffix('.weight')}.comfy_quant": marked({"format": "nvfp4"}) for name in four}
    source = write(tmp_path / "qwen_3_4b_fp8_mixed.safetensors", packed | others | told)
    plain = write(tmp_path / "plain.safetensors", numbers | other_numbers)
    made, expected = both(tmp_path, source, plain, folder)
    found, wanted = files.weights(made, "text_encoder"), files.weights(expected, "text_encoder")
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    assert np.array_equal(pixels(made), pixels(expected))


@pytest.mark.parametrize("style", ["plain", "marker", "rows"])
def test_a_whole_file_of_sdxl(tmp_path: Path, style: str) -> None:
    whole = single_file(make_folder(tmp_path / "XL", "XL"), "XL")
    unet = {name: each for name, each in whole.items() if name.startswith("model.diffusion_model.")}
    packed, numbers, _ = pack(unet, style, torch.float16)
    if style == "marker":
        packed["model.diffusion_model.scaled_fp8"] = packed.pop("scaled_fp8")
    others = {name: each for name, each in whole.items() if name not in unet}
    source = write(tmp_path / "xl.safetensors", packed | others)
    made, expected = both(tmp_path, source, write(tmp_path / "plain.safetensors", numbers | others), None)
    (found,), (wanted,) = (list((each / "unet").glob("*.safetensors")) for each in (made, expected))
    first, second = load_file(found), load_file(wanted)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert {str(each.dtype) for each in first.values()} == {"torch.float16"}


def read(path: Path) -> Tensors:
    header = read_header(path)
    check_packing(path, path.name, header)
    unpack_file(path, path.with_suffix(".whole"), path.name, "unused.")
    return load_file(path.with_suffix(".whole"))


def refused(path: Path, tensors: Tensors, metadata: dict[str, str] | None = None) -> str:
    write(path, tensors, metadata)
    with pytest.raises(BrokenModel) as caught:
        read(path)
    return caught.value.message


def test_blocks_of_128_may_be_cut(tmp_path: Path) -> None:
    """As in Qwen3-4B-FP8."""
    weight, scale = torch.randn(300, 260).to(torch.float8_e4m3fn), torch.rand(3, 3)
    file = write(tmp_path / "x.safetensors", {"a.weight": weight, "a.weight_scale_inv": scale})
    full = scale.repeat_interleave(128, 0).repeat_interleave(128, 1)[:300, :260]
    assert torch.equal(read(file)["a.weight"], (weight.float() * full).half())


EIGHT = torch.ones(8, 32).to(torch.float8_e4m3fn)
FOUR = torch.ones(8, 16, dtype=torch.uint8)


@pytest.mark.parametrize(
    "scale",
    [torch.ones(7), torch.ones(8, 33), torch.ones(2, 3, 4), torch.zeros(0), torch.tensor(torch.nan),
     torch.tensor(1e30), torch.ones(5, 2)],
)  # fmt: skip
def test_scales_that_make_no_sense(tmp_path: Path, scale: torch.Tensor) -> None:
    told = refused(tmp_path / "x.safetensors", {"a.weight": EIGHT, "a.weight_scale": scale})
    assert told == "x.safetensors is damaged: the scale of a makes no sense."


@pytest.mark.parametrize(
    ("tensors", "told"),
    [
        ({"a.weight": EIGHT}, {"format": "float8_e4m3fn"}),
        ({"a.weight": FOUR}, {"format": "nvfp4"}),
        ({"a.weight": EIGHT}, {"format": "mxfp8"}),
    ],
)
def test_a_layer_that_lacks_its_scale(tmp_path: Path, tensors: Tensors, told: dict[str, Any]) -> None:
    path = tmp_path / "x.safetensors"
    assert refused(path, tensors | {"a.comfy_quant": marked(told)}).endswith("it lacks the scale of a.")
    layers = {"_quantization_metadata": json.dumps({"layers": {"a": told}})}
    assert refused(path, tensors, layers).endswith("it lacks the scale of a.")


def test_t5_is_not_unpacked_where_nobody_uses_it(tmp_path: Path) -> None:
    """As in sd3.5_large_fp8_scaled.safetensors, of which it is the largest part."""
    whole = files_sd3.single_file(files_sd3.make_folder(tmp_path / "sd3", newer=True))
    t5 = {f"text_encoders.t5xxl.transformer.{number}.weight": EIGHT for number in range(4)}
    packed, numbers, _ = pack(whole, "rows", torch.float16)
    said: list[str] = []
    models = tmp_path / "models"
    source = write(tmp_path / "sd3.safetensors", packed | t5)
    made = import_model(Wish(source=source, models=models), said.append)
    assert "T5 is left out: its vocabulary is not in the file" in said
    plain = write(tmp_path / "plain.safetensors", numbers)
    expected = import_model(Wish(source=plain, models=models))
    for part in ("transformer", "text_encoder", "text_encoder_2", "vae"):
        found, wanted = files.weights(made, part), files.weights(expected, part)
        assert found.keys() == wanted.keys()
        assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    write(tmp_path / "x.safetensors", {"a.weight": EIGHT, "unused.weight": EIGHT})
    assert set(read(tmp_path / "x.safetensors")) == {"a.weight"}


def test_a_file_that_is_not_packed_is_left_alone(folder: Path) -> None:
    for part in files.PREFIXES:
        assert not is_packed(read_header(next((folder / part).glob("*.safetensors"))))


def test_names_of_any_length_and_numbers_of_any_kind_are_written(tmp_path: Path) -> None:
    """The header's room is kept free before it is known."""
    tensors = {f'{number}"é😀' * 40: torch.ones((1,) * number, dtype=torch.int64) for number in range(8)}
    tensors |= {"empty": torch.zeros(0, 3), "truth": torch.tensor([True, False]), "a.weight": EIGHT}
    found = read(write(tmp_path / "x.safetensors", tensors))
    assert all(torch.equal(found[name].float(), each.float()) for name, each in tensors.items())
    assert read_header(tmp_path / "x.whole").shapes.keys() == tensors.keys()


def test_one_scale_lacks_in_a_file_where_all_have_one(tmp_path: Path) -> None:
    tensors = {
        "a.weight": EIGHT,
        "a.scale_weight": torch.ones(1),
        "b.weight": EIGHT,
        "scaled_fp8": EIGHT[:1, 0],
    }
    assert refused(tmp_path / "x.safetensors", tensors).endswith("it lacks the scale of b.")


@pytest.mark.parametrize(
    ("tensors", "named"),
    [
        ({"a.comfy_quant": marked({"format": "convrot_w4a4"})}, "convrot_w4a4"),
        ({"a.comfy_quant": marked({"format": "\n\x1b[2J" + "x" * 500})}, "2J" + "x" * 38),
        ({"a.comfy_quant": torch.zeros(3, dtype=torch.uint8)}, "None"),
        ({"a.weight.quant_state.bitsandbytes__nf4": FOUR}, "NF4 of bitsandbytes"),
        ({"a.qweight": FOUR, "a.wscales": EIGHT}, "SVDQuant|four bits"),
    ],
)
def test_other_packings_are_refused_by_name(tmp_path: Path, tensors: Tensors, named: str) -> None:
    path = tmp_path / "x.safetensors"
    told = refused(path, {"a.weight": FOUR} | tensors)
    assert told in [
        f"x.safetensors is packed as {each}, which this version can't unpack." for each in named.split("|")
    ]


def test_what_says_the_format_may_not_be_long(tmp_path: Path) -> None:
    tensors = {"a.weight": EIGHT, "a.comfy_quant": torch.zeros(10**6, dtype=torch.uint8)}
    assert "too long" in refused(tmp_path / "x.safetensors", tensors)


@pytest.mark.parametrize(
    "told", [{"convrot": True, "convrot_groupsize": 8}, {"convrot": True, "convrot_groupsize": 2**40}]
)
def test_a_rotation_that_is_none(tmp_path: Path, told: dict[str, Any]) -> None:
    tensors = {
        "a.weight": torch.ones(8, 32, dtype=torch.int8),
        "a.weight_scale": torch.ones(8),
        "a.comfy_quant": marked({"format": "int8_tensorwise", **told}),
    }
    assert "makes no sense" in refused(tmp_path / "x.safetensors", tensors)

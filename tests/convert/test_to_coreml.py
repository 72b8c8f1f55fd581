"""Conversions of a tiny model: each attention, sizes, bits and pieces against torch; folders; resuming."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from backends.core.contract import InvalidRequest, MezzotintError
from backends.core.model_folder import ModelFolder, open_folder
from backends.core.quiet import quiet
from convert import coreml_model, coreml_networks, mil_reference, mixed_bits, palettize, recipes, to_coreml
from convert.coreml_networks import PART_OF, build, door, load_part, reference_network
from convert.mil_reference.parity import psnr
from convert.publish import Workbench
from convert.recipes import BakedLora, Order, System
from tests.coreml_models import make_smallest_model, outputs
from tests.tiny_models import EPSILON, make_tiny_model, make_tiny_refiner

SIZE = (64, 96)
NETWORKS = ("text_encoder", "unet", "vae_decoder", "vae_encoder")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    quiet()
    return make_smallest_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def folder(tiny: Path) -> ModelFolder:
    return open_folder(tiny)


def order_for(model: Path, destination: Path, **rest: Any) -> Order:
    return Order(model=model, destination=destination, **{"sizes": (SIZE,), **rest})


@pytest.mark.parametrize("attention", recipes.ATTENTIONS)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_rewritten_network_equals_torchs(folder: ModelFolder, name: str, attention: str) -> None:
    inputs = dict(door(folder, name, SIZE, 2).inputs)
    rewritten = build(load_part(folder, PART_OF[name]), name, attention)
    wanted = outputs(reference_network(folder, name), inputs)
    torch.testing.assert_close(outputs(rewritten, inputs), wanted, atol=2e-5, rtol=1e-4)


CASES = {
    "neural engine": {"target": "neural-engine"},
    "gpu": {"target": "gpu"},
    "fused": {"target": "any", "system": "macOS15"},
    "4 bits": {"target": "any", "system": "macOS15", "bits": 4},
    "one latent": {"target": "gpu", "guidance_batch": 1},
}
LEAST = {"fp32": 60.0, "fp16": 35.0}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=name, marks=[pytest.mark.thorough] if name in ("gpu", "one latent") else [])
        for name, case in CASES.items()
    ],
)
def test_a_converted_unet_computes_what_torch_does(
    folder: ModelFolder, tmp_path: Path, case: dict[str, Any]
) -> None:
    order = order_for(folder.path, tmp_path / "x", **case)
    names = to_coreml.convert_network(folder, "unet", order, tmp_path)
    entry = door(folder, "unet", SIZE, to_coreml.guidance_batch(folder, order))
    wanted = outputs(reference_network(folder, "unet"), dict(entry.inputs)).numpy()
    network = mil_reference.load(tmp_path / names[0])
    for arithmetic, least in LEAST.items():
        found = network.run({key: each.numpy() for key, each in entry.inputs.items()}, arithmetic)
        assert psnr(found["prediction"], wanted) > (least if order.bits == 16 else 20)


@pytest.mark.thorough
def test_bits_by_layer_reach_the_package(folder: ModelFolder, tmp_path: Path) -> None:
    order = order_for(folder.path, tmp_path / "x", target="gpu", least_psnr=35.0)
    names = to_coreml.convert_network(folder, "unet", order, tmp_path)
    inputs = dict(door(folder, "unet", SIZE, 2).inputs)
    network = mil_reference.load(tmp_path / names[0])
    found = network.run({key: each.numpy() for key, each in inputs.items()})["prediction"]
    assert psnr(found, outputs(reference_network(folder, "unet"), inputs).numpy()) > 34
    assert any(step.kind == "constexpr_lut_to_dense" for step in network.program.instructions)


def two_sizes(folder: ModelFolder, tmp_path: Path, system: str) -> Iterator[tuple[float, Any]]:
    order = order_for(folder.path, tmp_path / "x", target="gpu", sizes=(SIZE, (96, 64)), system=system)
    names = to_coreml.convert_network(folder, "unet", order, tmp_path)
    reference = reference_network(folder, "unet")
    for size in order.sizes:
        inputs = dict(door(folder, "unet", size, 2).inputs)
        function = to_coreml.function_name(size) if order.functions else None
        network = mil_reference.load(tmp_path / names[0], function)
        found = network.run({key: each.numpy() for key, each in inputs.items()})["prediction"]
        yield psnr(found, outputs(reference, inputs).numpy()), network.program


@pytest.mark.thorough
def test_several_sizes_in_one_function(folder: ModelFolder, tmp_path: Path) -> None:
    for ratio, program in two_sizes(folder, tmp_path, "macOS13"):
        assert ratio > LEAST["fp32"]
        assert len(program.allowed_shapes["sample"]) == 2


@pytest.mark.thorough
def test_several_sizes_as_functions_that_share_their_weights(folder: ModelFolder, tmp_path: Path) -> None:
    for ratio, program in two_sizes(folder, tmp_path, "macOS15"):
        assert ratio > LEAST["fp32"]
        assert program.functions == ("size_64x96", "size_96x64")
    weights = (tmp_path / "unet.mlpackage/Data/com.apple.CoreML/weights/weight.bin").stat().st_size
    numbers = sum(each.numel() for each in load_part(folder, "unet").parameters())
    assert weights < 3 * numbers


@pytest.mark.thorough
def test_a_package_is_cut_until_each_piece_is_small_enough(folder: ModelFolder, tmp_path: Path) -> None:
    order = order_for(folder.path, tmp_path / "x", target="gpu")
    (name,) = to_coreml.convert_network(folder, "unet", order, tmp_path)
    whole = sum(file.stat().st_size for file in (tmp_path / name).rglob("*") if file.is_file())
    pieces = to_coreml.cut(tmp_path / name, System(name="iOS17", most_bytes=int(whole * 0.75)))
    assert len(pieces) == 2
    values: dict[str, Any] = {key: each.numpy() for key, each in door(folder, "unet", SIZE, 2).inputs.items()}
    wanted = outputs(reference_network(folder, "unet"), dict(door(folder, "unet", SIZE, 2).inputs)).numpy()
    for piece in pieces:
        network = mil_reference.load(tmp_path / piece)
        values |= network.run({key: values[key] for key in network.inputs})
    assert psnr(values["prediction"], wanted) > LEAST["fp32"]


def test_bits_are_found_for_each_layer(folder: ModelFolder) -> None:
    network = build(load_part(folder, "unet"), "unet", "original")
    entry = door(folder, "unet", SIZE, 2)
    wanted = outputs(network, dict(entry.inputs))
    sizes: list[int] = []
    for least in (25.0, 45.0):
        found = mixed_bits.smallest(network, entry.inputs, least, grouped=True)
        assert torch.equal(outputs(network, dict(entry.inputs)), wanted)  # it was put back
        with torch.no_grad():
            for name, bits in found.items():
                layer: Any = network.get_submodule(name)
                layer.weight.data = palettize.quantise(layer.weight.data, bits)
        assert mixed_bits.psnr([wanted], [outputs(network, dict(entry.inputs))]) >= least
        sizes.append(sum(bits for bits in found.values()))
        network = build(load_part(folder, "unet"), "unet", "original")
    assert sizes[0] < sizes[1]


def test_half_a_bit_more_goes_where_it_helps_most() -> None:
    even = mixed_bits.Choice(1000, {6: 1e-6, 8: 1e-6 / 16, 16: 0})
    choices = {f"layer{number}": even for number in range(20)} | {
        "first": mixed_bits.Choice(1000, {6: 1e-2, 8: 1e-2 / 16, 16: 0})
    }
    found = mixed_bits.within_size(choices, 6.5)
    assert found["first"] == 16
    assert 6 <= mixed_bits.mean_bits(choices, found) <= 6.5
    assert set(mixed_bits.within_size(choices, 6).values()) == {6}


def test_more_bits_never_add_noise() -> None:
    """As 8 bits in every layer did, when only 6 and 4 gave 16 to the layers that need it most."""
    chance = np.random.default_rng(1)
    layers = [(int(chance.integers(10**3, 10**5)), float(10 ** chance.uniform(-9, -3))) for _ in range(40)]
    found: list[float] = []
    for counts in ((4, 6, 8, 16), (6, 8, 16), (8, 16)):
        choices = {
            str(place): mixed_bits.Choice(
                weights, {each: noise / 4**each if each < 16 else 0 for each in counts}
            )
            for place, (weights, noise) in enumerate(layers)
        }
        bits = mixed_bits.within_size(choices, counts[0] + mixed_bits.SPARE_BITS)
        assert counts[0] < mixed_bits.mean_bits(choices, bits) <= counts[0] + mixed_bits.SPARE_BITS
        found.append(sum(choices[name].noise[each] for name, each in bits.items()))
    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize("bits", [6, pytest.param(8, marks=pytest.mark.thorough)])
def test_fewer_bits_are_uneven_and_close(folder: ModelFolder, bits: int) -> None:
    network, entry = build(load_part(folder, "unet"), "unet", "split-einsum"), door(folder, "unet", SIZE, 2)
    wanted = outputs(network, dict(entry.inputs))
    found = mixed_bits.closest(network, entry.inputs, bits)
    ratios: list[float] = []
    for each in (dict.fromkeys(found, bits), found):
        again: Any = build(load_part(folder, "unet"), "unet", "split-einsum")
        for name, count in each.items():
            again.get_submodule(name).weight.data = palettize.quantise(
                again.get_submodule(name).weight, count
            )
        ratios.append(mixed_bits.psnr([wanted], [outputs(again, dict(entry.inputs))]))
    assert 35 < ratios[0] < ratios[1]


def test_8_bits_are_given_to_each_layer_by_its_need(
    folder: ModelFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = "model.embeddings.token_embedding"
    monkeypatch.setattr(mixed_bits, "closest", lambda *_: {layer: 16})
    order = order_for(folder.path, tmp_path / "x", bits=8)
    (name,) = to_coreml.convert_network(folder, "text_encoder", order, tmp_path)
    assert not mil_reference.load(tmp_path / name).unpacked()


def test_more_bits_err_less() -> None:
    weight = torch.randn(32, 100, generator=torch.Generator().manual_seed(1))
    errors = [float((palettize.quantise(weight, bits) - weight).abs().mean()) for bits in (4, 6, 8, 16)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] == 0
    assert all(len(part.unique()) <= 16 for part in palettize.quantise(weight, 4).split(16))


@pytest.mark.parametrize("layout", ["peft", "kohya"])
def test_a_lora_is_baked_in(folder: ModelFolder, tmp_path: Path, layout: str) -> None:
    layer = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
    down, up = torch.randn(2, 32), torch.randn(32, 2)
    if layout == "peft":
        tensors = {f"unet.{layer}.lora_A.weight": down, f"unet.{layer}.lora_B.weight": up}
    else:
        stem = f"lora_unet_{layer.replace('.', '_')}"
        tensors = {
            f"{stem}.lora_down.weight": down,
            f"{stem}.lora_up.weight": up,
            f"{stem}.alpha": torch.tensor(2.0),
        }
    save_file(tensors, tmp_path / "style.safetensors")
    lora = BakedLora(tmp_path / "style.safetensors", 0.5)
    order = order_for(folder.path, tmp_path / "x", loras=(lora,))
    before, after = (
        module.get_submodule(layer).weight
        for module in (load_part(folder, "unet"), to_coreml.load_baked(folder, "unet", order))
    )
    torch.testing.assert_close(after, before + 0.5 * up @ down)


def test_a_lora_for_another_model_is_refused(tiny: Path, tmp_path: Path) -> None:
    save_file(
        {"unet.x.lora_A.weight": torch.ones(1, 1), "unet.x.lora_B.weight": torch.ones(1, 1)}, tmp_path / "l"
    )
    order = order_for(tiny, tmp_path / "x", loras=(BakedLora(tmp_path / "l", 1.0),))
    with pytest.raises(InvalidRequest, match="another kind"):
        coreml_model.convert_model(order, lambda _: None)


def test_networks_that_are_finished_are_not_made_again(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def make(folder: ModelFolder, name: str, order: Order, into: Path) -> list[str]:
        if name == "vae_decoder" and len(made) == 2:
            raise OSError(28, "No space left on device")
        made.append(name)
        (into / f"{name}.mlpackage").mkdir()
        (into / f"{name}.mlpackage" / "weight.bin").write_text(name)
        return [f"{name}.mlpackage"]

    monkeypatch.setattr(to_coreml, "convert_network", make)
    order = order_for(tiny, tmp_path / "x")
    with pytest.raises(MezzotintError, match="No space left"):
        coreml_model.convert_model(order, lambda _: None)
    assert not (tmp_path / "x").exists()
    made.append("second run")
    coreml_model.convert_model(order, lambda _: None)
    assert made == ["text_encoder", "unet", "second run", "vae_decoder", "vae_encoder"]
    with pytest.raises(InvalidRequest, match="already"):
        coreml_model.convert_model(order, lambda _: None)
    coreml_model.convert_model(replace(order, bits=8, replace=True), lambda _: None)
    assert json.loads((tmp_path / "x/model.json").read_text())["coreml"]["bits"] == 8
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_finished_part_that_was_damaged_is_made_again(tmp_path: Path) -> None:
    def make(into: Path) -> list[str]:
        (into / "a").write_text("whole")
        shutil.copytree(into, into / "unet.mlpackage", ignore=lambda *_: ["unet.mlpackage"])
        return ["unet.mlpackage"]

    bench = Workbench(tmp_path / "x", {})
    bench.add("unet", make)
    again = Workbench(tmp_path / "x", {})
    assert again.finished("unet") is not None
    (again.model / "unet.mlpackage/a").write_text("cut")
    assert again.finished("unet") is None
    assert Workbench(tmp_path / "x", {"another": "order"}).finished("unet") is None


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"bits": 4}, "macOS 15"),
        ({"attention": "fused"}, "macOS 15"),
        ({"bits": 5}, "5 bits"),
        ({"target": "toaster"}, "toaster"),
        ({"sizes": ((64, 64), (128, 128)), "attention": "split-einsum-chunked"}, "macOS 15"),
        ({"sizes": ((64, 64), (128, 128)), "system": "iOS18"}, "pieces"),
    ],
)
def test_what_cannot_be_combined_is_refused(wanted: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidRequest, match=sentence):
        order_for(Path("m"), Path("x"), **wanted)


def test_a_size_that_the_unet_cannot_halve_is_refused(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="multiples of 4"):
        coreml_model.convert_model(order_for(tiny, tmp_path / "x", sizes=((66, 64),)), lambda _: None)


def test_a_full_disk_and_little_memory_are_noticed_first(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coreml_model, "available_bytes", lambda: 10**6)
    with pytest.raises(MezzotintError, match="of memory"):
        coreml_model.convert_model(order_for(tiny, tmp_path / "x"), lambda _: None)
    monkeypatch.setattr(coreml_model.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 0))  # type: ignore[attr-defined]
    with pytest.raises(MezzotintError, match="of disk"):
        coreml_model.convert_model(order_for(tiny, tmp_path / "x"), lambda _: None)


def test_features_are_those_of_diffusers(folder: ModelFolder) -> None:
    from backends.core.coreml_features import added_features, time_features

    unet = load_part(folder, "unet")
    wanted = unet.time_proj(torch.tensor([123.4] * 2))
    found = time_features(folder.configs["unet"], 123.4, 2)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)
    config = {
        "addition_time_embed_dim": 256,
        "flip_sin_to_cos": True,
        "freq_shift": 0,
        "block_out_channels": [320],
    }
    pooled, ids = torch.randn(2, 8), torch.tensor([[1024.0, 768, 0, 0, 1024, 768]] * 2)
    from diffusers.models.embeddings import Timesteps

    sizes = Timesteps(256, True, 0)(ids.flatten()).reshape(2, -1)
    torch.testing.assert_close(
        added_features(config, pooled, ids), torch.cat([pooled, sizes], 1), atol=1e-4, rtol=1e-4
    )


def test_the_door_of_every_network_is_named(folder: ModelFolder) -> None:
    assert list(door(folder, "unet", SIZE, 2).inputs) == ["sample", "time_features", "encoder_hidden_states"]
    assert door(folder, "text_encoder", SIZE).outputs == ("skip_0", "skip_1", "skip_2", "skip_3")
    assert list(coreml_networks.reference(folder.path)) == list(NETWORKS)
    assert np.shape(door(folder, "vae_encoder", SIZE).inputs["image"]) == (1, 3, 96, 64)


def test_inpainting_models_are_refused(tmp_path: Path) -> None:
    model = open_folder(make_tiny_model(tmp_path / "nine", EPSILON, in_channels=9))
    with pytest.raises(InvalidRequest, match="inpainting model"):
        coreml_model.settle(model, order_for(model.path, tmp_path / "x"))


def test_families_that_are_not_converted_say_so(tmp_path: Path) -> None:
    model = make_tiny_refiner(tmp_path / "refiner", EPSILON)
    with pytest.raises(InvalidRequest, match="refiner is of a kind that can't be converted"):
        coreml_model.convert_model(order_for(model, tmp_path / "x"), lambda _: None)

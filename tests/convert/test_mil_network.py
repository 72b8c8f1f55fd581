"""Running whole programs: rounding, memory, inputs, and packages as conversions write them."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.core.contract import BrokenModel, InternalError, InvalidRequest
from convert.mil_reference import Network, from_model, from_program, import_coremltools, load, machine
from tests.convert.mil_cases import normal
from tests.convert.mil_programs import build_program, save_program

_WEIGHT = normal(48, 32)
_X = normal(5, 32)


def linear(mb: Any, x: Any) -> Any:
    return mb.linear(x=x, weight=_WEIGHT.astype(np.float16), name="y")


def relu_twice(mb: Any, x: Any) -> Any:
    return mb.relu(x=mb.mul(x=x, y=np.float16(2)), name="y")


def network(build: Callable[..., Any], dtype: str = "fp32", **inputs: np.ndarray[Any, Any]) -> Network:
    return Network(from_program(build_program(build, inputs, dtype=dtype)))


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packages")
    return save_program(build_program(linear, {"x": _X}, dtype="fp16"), folder / "linear.mlpackage", "iOS16")


def test_fp16_rounds_operands_and_results_and_accumulates_in_fp32() -> None:
    made = network(linear, "fp16", x=_X).run({"x": _X}, "fp16")["y"]
    halves = _X.astype(np.float16).astype(np.float64) @ _WEIGHT.astype(np.float16).astype(np.float64).T
    assert np.array_equal(made, made.astype(np.float16))
    np.testing.assert_allclose(made, halves.astype(np.float16), rtol=1e-3)


def test_fp32_keeps_what_fp16_would_lose() -> None:
    exact = network(linear, "fp16", x=_X).run({"x": _X})["y"]
    np.testing.assert_allclose(
        exact, _X @ _WEIGHT.astype(np.float16).astype(np.float32).T, rtol=1e-5, atol=1e-5
    )


def test_fp16_overflows_as_a_mac_would() -> None:
    large = np.full((3,), 40000, np.float32)
    net = network(relu_twice, "fp16", x=large)
    assert np.isinf(net.run({"x": large}, "fp16")["y"]).all()
    assert (net.run({"x": large}, "fp32")["y"] == 80000).all()


def test_parts_declared_fp32_are_not_rounded() -> None:
    def build(mb: Any, x: Any) -> Any:
        return mb.mul(x=mb.cast(x=x, dtype="fp32"), y=np.float32(1 / 3), name="y")

    x = np.array([1.0], np.float32)
    assert network(build, "fp16", x=x).run({"x": x}, "fp16")["y"] == np.float32(1 / 3)


def test_values_are_dropped_after_their_last_use() -> None:
    def chain(mb: Any, x: Any) -> Any:
        for _ in range(30):
            x = mb.add(x=x, y=np.float32(1))
        return x

    made: list[weakref.ref[Any]] = []
    most = 0
    for step in network(chain, x=_X).trace({"x": _X}):
        made.append(weakref.ref(step.results[0]))
        del step
        most = max(most, sum(each() is not None for each in made))
    assert len(made) == 30
    assert most <= 3


def test_memory_is_given_back_after_so_many_dropped_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    def chain(mb: Any, x: Any) -> Any:
        for _ in range(10):
            x = mb.add(x=x, y=np.float32(1))
        return x

    times: list[None] = []
    monkeypatch.setattr(machine, "give_back_freed", lambda: times.append(None))
    network(chain, x=_X).run({"x": _X})
    assert not times
    monkeypatch.setattr(machine, "GIVEN_BACK_AFTER", int(2.5 * _X.nbytes))
    network(chain, x=_X).run({"x": _X})
    assert len(times) == 3


def test_a_result_is_kept_while_a_later_step_needs_it() -> None:
    def build(mb: Any, x: Any) -> Any:
        first = mb.add(x=x, y=np.float32(1))
        second = mb.mul(x=first, y=np.float32(2))
        return mb.sub(x=second, y=first, name="y")

    np.testing.assert_allclose(network(build, x=_X).run({"x": _X})["y"], _X + 1, rtol=1e-6)


@pytest.mark.parametrize("inputs", [{}, {"x": _X, "z": _X}, {"x": _X[:, :31]}, {"x": _X[0]}])
def test_wrong_inputs_are_refused_with_what_fits(inputs: dict[str, np.ndarray[Any, Any]]) -> None:
    with pytest.raises(InvalidRequest, match=r"5 x 32|exactly x"):
        network(linear, "fp16", x=_X).run(inputs)


def test_a_package_gives_what_its_program_gives(package: Path) -> None:
    np.testing.assert_array_equal(
        load(package).run({"x": _X}, "fp16")["y"], network(linear, "fp16", x=_X).run({"x": _X}, "fp16")["y"]
    )


def test_weights_that_are_not_kept_are_made_again(package: Path) -> None:
    poor, rich = load(package, kept_weights=0), load(package)
    for _ in range(2):
        np.testing.assert_array_equal(poor.run({"x": _X})["y"], rich.run({"x": _X})["y"])


def compress(kind: str, model: Any) -> Any:
    """As conversions compress: tables for all or groups of channels, 8 bits, blocks of 4 bits, sparse."""
    coreml = import_coremltools().optimize.coreml
    tables = coreml.OpPalettizerConfig(nbits=4, weight_threshold=1)
    grouped = coreml.OpPalettizerConfig(
        nbits=4, granularity="per_grouped_channel", group_size=16, weight_threshold=1
    )
    linear8 = coreml.OpLinearQuantizerConfig(weight_threshold=1)
    blocks = coreml.OpLinearQuantizerConfig(
        dtype="int4", granularity="per_block", block_size=8, weight_threshold=1
    )
    half = coreml.OpMagnitudePrunerConfig(target_sparsity=0.5, weight_threshold=1)

    def with_config(config: Any) -> Any:
        return coreml.OptimizationConfig(global_config=config)

    if kind == "sparse":
        return coreml.prune_weights(model, with_config(half))
    if kind == "sparse tables":
        return coreml.palettize_weights(
            coreml.prune_weights(model, with_config(half)), with_config(tables), joint_compression=True
        )
    if kind in ("8 bits", "blocks"):
        return coreml.linear_quantize_weights(model, with_config(linear8 if kind == "8 bits" else blocks))
    return coreml.palettize_weights(model, with_config(tables if kind == "tables" else grouped))


@pytest.mark.parametrize(
    ("kind", "opset", "unpacker"),
    [
        ("tables", "iOS16", "constexpr_lut_to_dense"),
        ("tables", "iOS18", "constexpr_lut_to_dense"),
        ("grouped", "iOS18", "constexpr_lut_to_dense"),
        ("8 bits", "iOS16", "constexpr_affine_dequantize"),
        ("blocks", "iOS18", "constexpr_blockwise_shift_scale"),
        ("sparse", "iOS16", "constexpr_sparse_to_dense"),
        ("sparse", "iOS18", "constexpr_sparse_to_dense"),
        ("sparse tables", "iOS18", "constexpr_lut_to_sparse"),
    ],
)
def test_compressed_packages_give_what_their_decompressed_twins_give(
    kind: str, opset: str, unpacker: str, tmp_path: Path
) -> None:
    coremltools = import_coremltools()
    path = save_program(build_program(linear, {"x": _X}, opset, "fp16"), tmp_path / "plain.mlpackage", opset)
    small = compress(kind, coremltools.models.MLModel(str(path), skip_model_load=True))
    small.save(str(tmp_path / "small.mlpackage"))
    net = load(tmp_path / "small.mlpackage")
    assert unpacker in {instruction.kind for instruction in net.program.instructions}
    twin = Network(from_model(coremltools.optimize.coreml.decompress_weights(small)))
    assert not any(instruction.is_weight for instruction in twin.program.instructions)
    np.testing.assert_allclose(net.run({"x": _X})["y"], twin.run({"x": _X})["y"], rtol=1e-3, atol=1e-2)


def test_a_function_of_several_is_chosen_by_name(package: Path, tmp_path: Path) -> None:
    utils = import_coremltools().utils
    other = save_program(
        build_program(relu_twice, {"x": _X}, "iOS18", "fp16"), tmp_path / "b.mlpackage", "iOS18"
    )
    first = save_program(build_program(linear, {"x": _X}, "iOS18", "fp16"), tmp_path / "a.mlpackage", "iOS18")
    both = utils.MultiFunctionDescriptor()
    both.add_function(str(first), "main", "one")
    both.add_function(str(other), "main", "two")
    both.default_function_name = "one"
    utils.save_multifunction(both, str(tmp_path / "both.mlpackage"))

    assert load(tmp_path / "both.mlpackage").program.functions == ("one", "two")
    assert load(tmp_path / "both.mlpackage").run({"x": _X})["y"].shape == (5, 48)
    twice = load(tmp_path / "both.mlpackage", "two").run({"x": _X})["y"]
    np.testing.assert_allclose(twice, np.maximum(2 * _X, 0), rtol=1e-6)
    with pytest.raises(InvalidRequest, match=r"no function called 'tw'.*Did you mean two"):
        load(tmp_path / "both.mlpackage", "tw")


def test_enumerated_sizes_are_taken_and_others_refused(tmp_path: Path) -> None:
    coremltools = import_coremltools()
    import torch

    layer = torch.nn.Conv2d(3, 4, 3, padding=1).eval()
    shapes = coremltools.EnumeratedShapes([(1, 3, 8, 8), (1, 3, 12, 16)])
    model = coremltools.convert(
        torch.jit.trace(layer, torch.zeros(1, 3, 8, 8)),
        inputs=[coremltools.TensorType(name="x", shape=shapes)],
        skip_model_load=True,
    )
    model.save(str(tmp_path / "sizes.mlpackage"))
    net = load(tmp_path / "sizes.mlpackage")
    x = normal(1, 3, 12, 16)
    want = layer(torch.as_tensor(x)).detach().numpy()
    np.testing.assert_allclose(net.run({"x": x})[net.outputs[0]], want, atol=5e-3)
    with pytest.raises(InvalidRequest, match="1 x 3 x 8 x 8 or 1 x 3 x 12 x 16"):
        net.run({"x": normal(1, 3, 12, 12)})


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    "damage", ["no package", "no manifest", "no model", "model cut", "weights cut", "no weights"]
)
def test_damaged_packages_are_one_sentence_and_an_action(package: Path, tmp_path: Path, damage: str) -> None:
    copy = tmp_path / "copy.mlpackage"
    shutil.copytree(package, copy)
    model, weights = next(copy.rglob("*.mlmodel")), next(copy.rglob("weight.bin"))
    {
        "no package": lambda: shutil.rmtree(copy),
        "no manifest": lambda: (copy / "Manifest.json").unlink(),
        "no model": model.unlink,
        "model cut": lambda: _cut(model),
        "weights cut": lambda: _cut(weights),
        "no weights": weights.unlink,
    }[damage]()
    with pytest.raises(BrokenModel, match=r"Convert the model again\.$"):
        load(copy)


def test_a_layer_that_fails_is_named() -> None:
    net = network(lambda mb, x: mb.gather(x=x, indices=[0, 7], axis=0, name="lookup"), x=_X)
    with pytest.raises(InternalError, match=r"layer lookup \(gather\)"):
        net.run({"x": _X})

"""Weights as 8 and 4 bits: layers against the same layers in float32, and pictures against pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from backends.core import int8_weights
from backends.core.bnb_layers import hold_int8, hold_nf4
from backends.core.int8_exact import outermost
from backends.core.int8_weights import dequantise, quantise
from backends.core.model_folder import open_folder
from backends.core.streaming_files import build_empty
from desktop.cli.bench_model import make_configuration
from tests import measure_int8


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def relative_error(actual: Tensor, expected: Tensor) -> float:
    return float((actual - expected).norm() / expected.norm())


def test_no_weight_is_off_by_more_than_half_a_scale() -> None:
    weight = random(8, 4, 3, 3) * torch.logspace(-4, 2, 8).view(-1, 1, 1, 1)
    codes, scales = quantise(weight)
    assert codes.dtype == torch.int8
    assert codes.shape == weight.shape
    error = (dequantise(codes, scales, torch.float32) - weight).abs().flatten(1).amax(dim=1)
    assert bool((error <= scales * 0.501).all())
    assert bool((codes.flatten(1).abs().amax(dim=1) == 127).all())


def test_a_channel_of_zeros_stays_zero() -> None:
    weight = torch.cat([torch.zeros(1, 6), random(1, 6)])
    restored = dequantise(*quantise(weight), torch.float32)
    assert bool((restored[0] == 0).all())
    assert bool(restored.isfinite().all())


def test_scales_too_small_for_float16_are_not_lost() -> None:
    weight = random(4, 64) * 1e-5
    restored = dequantise(*quantise(weight), torch.float16).float()
    assert relative_error(restored, weight) < 0.02


@pytest.mark.parametrize(
    ("layer", "input"),
    [(nn.Conv2d(6, 8, 3, padding=1, stride=2), random(2, 6, 9, 9)), (nn.Linear(32, 24), random(2, 5, 32))],
    ids=["convolution", "linear"],
)
def test_a_stored_layer_computes_with_the_weight_it_stored(layer: nn.Module, input: Tensor) -> None:
    with torch.no_grad():
        expected = layer(input)
        int8_weights.hold(layer, layer.weight)  # type: ignore[arg-type]
        assert relative_error(layer(input), expected) < 0.01


def test_holding_leaves_a_byte_a_weight() -> None:
    module = nn.Sequential(nn.Conv2d(16, 16, 3), nn.Linear(64, 64), nn.GroupNorm(4, 16))
    for _, layer in list(int8_weights.holders(module)):
        int8_weights.hold(layer, layer.weight)  # type: ignore[arg-type]
    held = {name: buffer.nbytes for name, buffer in module.named_buffers() if name.endswith("codes")}
    assert held == {"0.codes": 16 * 16 * 9, "1.codes": 64 * 64}
    assert set(dict(module.named_parameters())) == {"0.bias", "1.bias", "2.weight", "2.bias"}


def test_the_outermost_layers_stay_as_they_are() -> None:
    unet = ["conv_in.weight", "down_blocks.0.resnets.0.conv1.weight", "up_blocks.3.resnets.0.conv1.weight"]
    inner = ["down_blocks.1.resnets.0.conv1.weight", "up_blocks.0.resnets.0.conv1.weight", "mid_block.conv"]
    is_exact = outermost([*unet, *inner])
    assert all(map(is_exact, unet))
    assert not any(map(is_exact, inner))
    is_exact = outermost(["decoder.up_blocks.0.a.weight", "decoder.up_blocks.3.a.weight"])
    assert is_exact("decoder.up_blocks.3.a.weight")
    assert not is_exact("decoder.up_blocks.0.a.weight")


def test_nine_of_ten_weights_of_sd_15_are_held(tmp_path: Path) -> None:
    unet = build_empty(open_folder(make_configuration(tmp_path / "sd15")), "unet")
    is_exact = outermost(dict(unet.named_parameters()))
    weights = dict(unet.named_parameters())
    layers = [name for name, _ in int8_weights.holders(unet) if not is_exact(name)]
    held = [weights[f"{name}.weight"].numel() for name in layers]
    assert sum(held) > 0.95 * sum(weight.numel() for weight in unet.parameters())


@pytest.mark.parametrize(
    ("hold", "most", "least"), [(hold_int8, 0.015, 1e-4), (hold_nf4, 0.15, 0.02)], ids=["LLM.int8", "nf4"]
)
def test_bitsandbytes_layers_are_near_the_layer_they_replace(
    hold: Callable[[nn.Module, Tensor], None], most: float, least: float
) -> None:
    layer, input = nn.Linear(128, 64), random(2, 7, 128)
    with torch.no_grad():
        expected = layer(input)
        hold(layer, layer.weight)
        actual = layer(input)
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    assert least < relative_error(actual, expected) < most


def test_outliers_keep_their_own_precision() -> None:
    layer, input = nn.Linear(128, 64), random(1, 16, 128)
    input[..., 5] *= 100
    with torch.no_grad():
        expected = layer(input)
        hold_int8(layer, layer.weight)
        assert relative_error(layer(input), expected) < 0.01
        layer.outlier = 0.0  # type: ignore[assignment]
        assert relative_error(layer(input), expected) > 0.01


def test_pictures_of_the_starter_are_at_least_30_db_from_float32() -> None:
    """The same over 64 seeds: `python -m tests.measure_int8`."""
    assert min(measure_int8.measure("int8", seeds=2, steps=8)) >= 30
    assert min(measure_int8.measure("stored int8", seeds=1, steps=8)) >= 30

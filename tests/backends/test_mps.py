"""Apple's GPU, as far as a machine without one can tell: what is said, what is done about known defects,
and that the networks as it would run them compute what they should."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any, ClassVar

import pytest
import torch
import torch.nn.functional as F
from diffusers.models.attention_processor import AttnProcessor2_0
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor

from backends import mps
from backends.core import mps_layers, selftest
from backends.core.contract import Stages
from backends.core.model_folder import ModelFolder
from backends.core.mps_attention import ChunkedAttention
from backends.core.mps_quirks import QUIRKS, Remedy, as_numbers, known, remedies
from backends.core.parts import load_on_device
from backends.core.placement import Placement
from backends.core.selftest import Check, examine
from backends.core.torch_stages import TorchStages
from desktop.cli.compare import psnr
from tests.measure_int8 import make

CPU = torch.device("cpu")
NOW, SONOMA, TAHOE, NEXT = (2, 13, 0), (14, 5), (26, 1), (27, 0)


# --- What it says -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("machine", "macos", "torch_version", "words"),
    [
        ("x86_64", SONOMA, NOW, "Intel"),
        ("arm64", (13, 6), NOW, "macOS 14"),
        ("arm64", TAHOE, None, "not installed"),
        ("arm64", NEXT, (2, 12, 1), "pytorch#187280"),
        ("arm64", TAHOE, (2, 10, 0), "pytorch#174861"),
    ],
)
def test_why_a_mac_cannot_run_it(machine: str, macos: Any, torch_version: Any, words: str) -> None:
    reason = mps._why_not(machine, macos, torch_version)
    assert reason is not None
    assert words in reason
    assert re.search(r": (use|update|install) ", reason)


@pytest.mark.parametrize("macos", [SONOMA, TAHOE, NEXT])
def test_the_torch_we_install_runs_on_every_macos_that_it_supports(macos: tuple[int, ...]) -> None:
    assert mps._why_not("arm64", macos, NOW) is None


# --- Known defects ------------------------------------------------------------------------------


def test_every_defect_names_its_issue() -> None:
    assert all(re.fullmatch(r"pytorch#\d{6}", quirk.issue) for quirk in QUIRKS)
    assert len({quirk.issue for quirk in QUIRKS}) == len(QUIRKS)


def test_remedies_go_by_version() -> None:
    needed = remedies(NOW, TAHOE)
    assert {Remedy.CONTIGUOUS, Remedy.FLOAT32_TEXT, Remedy.CHUNKS} <= needed
    assert Remedy.REFUSE not in needed
    old = {quirk.issue for quirk in known((2, 12, 0), NEXT)} - {quirk.issue for quirk in known(NOW, NEXT)}
    assert old == {"pytorch#180984", "pytorch#187280"}
    assert as_numbers("2.13.0+cpu") == (2, 13, 0)


def test_a_device_that_computes_rightly_passes_the_self_test() -> None:
    assert examine(CPU) == selftest.Findings(frozenset(), ())


def test_the_self_test_finds_a_defect_and_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A convolution that reads a view as if it were whole, in half precision only (as pytorch#169342)."""
    right = F.conv2d

    def wrong(input: Tensor, weight: Tensor, **options: Any) -> Tensor:
        if input.dtype == torch.float16 and not input.is_contiguous():
            input = input.as_strided(input.shape, torch.empty(input.shape, device="meta").stride(), 0)
        return right(input, weight, **options)

    monkeypatch.setattr(F, "conv2d", wrong)
    assert examine(CPU) == selftest.Findings(frozenset({Remedy.CONTIGUOUS}), ())


def test_what_no_remedy_helps_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    right = F.group_norm

    def wrong(input: Tensor, *others: Any) -> Tensor:
        return right(input, *others) * (1.1 if input.dtype == torch.float16 else 1)

    monkeypatch.setattr(F, "group_norm", wrong)
    assert examine(CPU).wrong == ("group normalisation",)


def test_nan_is_never_within_the_tolerance() -> None:
    spoiled = Check(
        words="division",
        inputs=lambda generator: (torch.ones(2),),
        run=lambda array: array * (math.nan if array.dtype == torch.float16 else 1),
        dtype=torch.float16,
    )
    assert examine(CPU, [spoiled]).wrong == ("division",)


def test_a_mac_that_computes_wrongly_is_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    findings = selftest.Findings(frozenset(), ("attention", "a convolution"))
    monkeypatch.setattr(selftest, "examine", lambda device: findings)
    mps._needed.cache_clear()
    with pytest.raises(mps.BackendUnavailable, match="attention and a convolution wrongly"):
        mps._needed(CPU)


# --- Attention ----------------------------------------------------------------------------------


@pytest.mark.parametrize("in_float32", [False, True])
def test_attention_in_chunks_is_attention(in_float32: bool) -> None:
    query, key, value = (torch.randn(2, 3, tokens, 8) for tokens in (50, 33, 33))
    mask = torch.randn(2, 3, 1, 33)
    chunked = ChunkedAttention(in_float32, score_bytes=7 * 2 * 3 * 33 * 4)
    expected = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    assert torch.allclose(chunked.attend(query, key, value, mask), expected, atol=1e-6)


def test_long_attention_in_half_precision_can_be_computed_in_float32() -> None:
    query, key, value = (torch.randn(1, 1, tokens, 16).half() * 4 for tokens in (16, 4000, 4000))
    exact = F.scaled_dot_product_attention(query.double(), key.double(), value.double())
    result = ChunkedAttention(True).attend(query, key, value)
    assert result.dtype == torch.float16
    assert float((result - exact).abs().max() / exact.abs().max()) < 1e-3


def test_networks_compute_with_it_what_they_compute_without(tiny_folder: ModelFolder) -> None:
    placement = plain_placement()
    unet = load_on_device(tiny_folder, "unet", placement)
    vae = load_on_device(tiny_folder, "vae", placement)
    inputs = torch.randn(2, 4, 8, 12), torch.tensor(500.0), torch.randn(2, 24, 32)
    with torch.inference_mode():
        results: list[tuple[Tensor, Tensor]] = []
        for processor in (AttnProcessor2_0(), ChunkedAttention(False, score_bytes=4096)):
            unet.set_attn_processor(processor)
            vae.set_attn_processor(processor)
            results.append((unet(*inputs)[0], vae.decode(inputs[0][:1])[0]))
    for expected, actual in zip(*results, strict=True):
        assert torch.allclose(actual, expected, atol=2e-5)


# --- The whole ----------------------------------------------------------------------------------


def plain_placement() -> Placement:
    return Placement(backend="test", device=CPU, free_bytes=lambda: 8 * 10**9)


def mps_stages(folder: ModelFolder, **changes: Any) -> TorchStages:
    placement = mps.placement(folder, CPU, remedies(NOW, TAHOE))
    return TorchStages(folder, replace(placement, free_bytes=lambda: 8 * 10**9, **changes))


def test_precisions(tiny_folder: ModelFolder) -> None:
    placement = mps.placement(tiny_folder, CPU, remedies(NOW, TAHOE))
    assert placement.dtypes == {
        "text_encoder": torch.float32,
        "text_encoder_2": torch.float32,
        "text_encoder_3": torch.float32,
        "unet": torch.float16,
        "transformer": torch.float16,
        "vae": torch.float32,
    }


def test_pictures_are_those_of_the_cpu(tiny_folder: ModelFolder) -> None:
    reference: Stages = TorchStages(tiny_folder, plain_placement())
    assert psnr(make(mps_stages(tiny_folder), 3, 4), make(reference, 3, 4)) > 40


def test_a_picture_whose_arrays_metal_cannot_hold_is_developed_in_tiles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mps_layers, "LARGEST_ARRAY", 2**22)
    tall: list[int] = []

    class Vae:
        config: ClassVar[dict[str, Any]] = {"block_out_channels": [128, 256, 512, 512]}

        def enable_tiling(self, *sides: int) -> None:
            tall.append(1)

        def disable_tiling(self) -> None:
            tall.append(0)

        def decode(self, latents: Tensor, return_dict: bool) -> tuple[Tensor]:
            return (latents,)

    way = mps_layers.DECODE_WAYS[0]
    for side in (7, 65):
        way.decode(Vae(), torch.zeros(1, 4, side, side))
    assert tall == [0, 1]


def test_the_largest_array_of_decoding_is_what_a_real_decoder_makes() -> None:
    autoencoder: Any = AutoencoderKL
    with torch.device("meta"):
        vae = autoencoder(
            block_out_channels=(8, 16, 16),
            down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3,
            norm_num_groups=4,
        )
    sizes: list[int] = []
    for module in vae.decoder.modules():
        module.register_forward_hook(
            lambda m, i, output: sizes.append(output.numel() * output.element_size())
        )
    latents = torch.zeros(1, 4, 8, 12, device="meta")
    vae.decode(latents)
    assert mps_layers.largest_array(vae, latents) == max(sizes)

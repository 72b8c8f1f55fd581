"""What no machine here has: Apple's GPU and an NVIDIA card, watched for by what torch is asked to compute.

Each guard first catches what it is there for, deliberately done wrong; then it finds nothing in ours.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from unittest import mock

import pytest
import torch
import torch.nn.functional as F
from diffusers.models.transformers import transformer_flux2
from diffusers.utils.torch_utils import maybe_adjust_dtype_for_device
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import _disable_current_modes

from backends import cpu_offload, cuda_int8, families, mps
from backends.core import fallback, int8_loading, mps_layers, parts, streaming, streaming_files
from backends.core.bnb_layers import LlmInt8Linear
from backends.core.contract import DistilledFamily, Stages
from backends.core.cuda_driver import Card
from backends.core.cuda_settings import CardSettings, choose_settings
from backends.core.model_folder import ModelFolder, open_folder
from backends.core.mps_attention import ChunkedAttention
from backends.core.mps_quirks import remedies
from backends.core.parts import load_on_device
from backends.core.placement import Placement
from backends.core.streaming_files import build_empty
from backends.core.tables import make_tables
from backends.core.torch_stages import TorchStages
from backends.families import flux2
from tests import mps_guard
from tests.device_guard import CARD, DeviceGuard
from tests.mps_guard import MpsGuard, mps_operators, runs_on_mps
from tests.tiny_flux2 import make_tiny_flux2
from tests.tiny_models import EPSILON, make_tiny_model, make_tiny_refiner, make_tiny_sdxl
from tests.tiny_sana import make_tiny_sana
from tests.tiny_transformers import make_tiny_sd3
from tests.tiny_zimage import make_tiny_zimage

TINY_MODELS: dict[str, Callable[[Path], Path]] = {
    "sd1": lambda folder: make_tiny_model(folder, EPSILON),
    "sdxl": lambda folder: make_tiny_sdxl(folder, EPSILON),
    "sdxl_refiner": lambda folder: make_tiny_refiner(folder, EPSILON),
    "sd3": make_tiny_sd3,
    "zimage": make_tiny_zimage,
    "flux2": lambda folder: make_tiny_flux2(folder, layers=3),
    "sana": make_tiny_sana,
}
"""A small model of each family. A new family's has to be added here."""
PLENTY = 8 * 10**9
A_CARD = Card("NVIDIA GeForce RTX 3050", (8, 6), 4 * 10**9)


@pytest.fixture(autouse=True)
def few_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    """FLUX.2 reads its language model after 27 layers, which say nothing more about devices than three."""
    monkeypatch.setattr(flux2, "_LAYERS", (1, 2, 3))


FAMILIES = tuple(family.id for family in families.all_families())


@pytest.fixture(scope="session", params=FAMILIES)
def any_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    """A small model of every family in turn."""
    return open_folder(TINY_MODELS[request.param](tmp_path_factory.mktemp("models") / request.param))


def run_all(stages: Stages) -> None:
    """Every stage once, as the pipeline does it with guidance and a start picture."""
    conditioning = stages.encode_text("a cat", 1)
    both = {name: torch.cat([tensor, tensor]) for name, tensor in conditioning.tensors.items()}
    if family := families.named(stages.facts.family):
        sizes = family.size_conditioning(96, 64).items()
        both |= {name: tensor.expand(2, *tensor.shape[1:]) for name, tensor in sizes}
        if width := stages.facts.guidance_embedding:
            both |= cast(DistilledFamily, family).guidance_conditioning(4.5, width)
    stages.encode_image(torch.zeros(1, 3, 64, 96))
    stages.denoise(torch.zeros(2, *stages.facts.latent_shape(96, 64)[1:]), 500.0, both)
    stages.decode(torch.zeros(stages.facts.latent_shape(96, 64)))


# --- Apple's GPU --------------------------------------------------------------------------------


def test_the_list_of_operators_is_torch_s_own() -> None:
    assert len(mps_operators()) > 1500
    assert all(
        runs_on_mps(f"aten::{name}", "") for name in ("convolution", "addmm", "native_group_norm", "gelu")
    )
    assert runs_on_mps("aten::mul", "Tensor")
    assert not runs_on_mps("aten::_scaled_dot_product_flash_attention_for_cpu", "")
    assert not runs_on_mps("aten::linalg_eig", "")
    assert not runs_on_mps("bitsandbytes::int8_scaled_mm", "")


def a_view() -> Tensor:
    return torch.zeros(2, 8, 4, 4).chunk(2, dim=1)[1]


VIOLATIONS: dict[str, Callable[[], object]] = {
    "torch.float64": lambda: torch.zeros(2, dtype=torch.float64) + 1,
    "torch.float8_e4m3fn": lambda: torch.zeros(2).to(torch.float8_e4m3fn),
    "more than 2^32 bytes": lambda: torch.zeros(2**15, 2**16, device="meta") + 1,
    "input is not contiguous": lambda: F.conv2d(a_view(), torch.zeros(4, 4, 3, 3)),
    "weight is not contiguous": lambda: F.conv2d(
        torch.zeros(2, 4, 4, 4), torch.zeros(4, 4, 3, 3, 3)[:, :, 1]
    ),
    "linalg_eig has no kernel": lambda: torch.linalg.eig(torch.eye(2)),
}


@pytest.mark.parametrize("words", VIOLATIONS)
def test_the_guard_of_apple_s_gpu_catches(words: str) -> None:
    with MpsGuard() as guard:
        VIOLATIONS[words]()
    assert any(words in fault for fault in guard.faults), guard.faults


def test_right_things_are_not_caught() -> None:
    with MpsGuard() as guard:
        F.conv2d(a_view().contiguous().half(), torch.zeros(4, 4, 3, 3).half()).float()
    assert guard.faults == []


def mps_placement(folder: ModelFolder, device: torch.device, **changes: Any) -> Placement:
    placement = mps.placement(folder, device, remedies((2, 13), (26, 0)))
    return replace(placement, free_bytes=lambda: PLENTY, **changes)


@contextlib.contextmanager
def as_on_mps() -> Iterator[MpsGuard]:
    """Attention as torch computes it there: with all scores in one array. The CPU has a kernel of its own.

    diffusers takes float32 for FLUX.2's places where a device is called "mps", so that is what it is told.
    """

    def as_there(dtype: torch.dtype, device: object) -> torch.dtype:
        return maybe_adjust_dtype_for_device(dtype, torch.device("mps"))

    told = mock.patch.object(transformer_flux2, "maybe_adjust_dtype_for_device", as_there)
    with told, sdpa_kernel(SDPBackend.MATH), MpsGuard() as guard:
        yield guard


def test_every_family_runs_on_apple_s_gpu(any_folder: ModelFolder) -> None:
    stages = TorchStages(any_folder, mps_placement(any_folder, torch.device("cpu")))
    with as_on_mps() as guard:
        run_all(stages)
    assert guard.faults == []
    assert {"aten::convolution", "aten::_safe_softmax"} <= guard.seen


def test_a_convolution_on_a_view_gets_a_copy() -> None:
    layer = nn.Sequential(nn.Conv2d(4, 4, 3)).requires_grad_(False)
    with MpsGuard() as before:
        layer(a_view())
    mps_layers.keep_contiguous(layer)
    with MpsGuard() as after:
        layer(a_view())
    assert any("not contiguous" in fault for fault in before.faults)
    assert after.faults == []


@pytest.mark.parametrize("side", [512, 1024, 2048])
def test_attention_stays_within_metal_s_arrays(side: int) -> None:
    tokens = (side // 8) ** 2
    query = torch.zeros(2, 8, tokens, 40, dtype=torch.float16, device="meta")
    with as_on_mps() as guard:
        ChunkedAttention(in_float32=True).attend(query, query, query)
    assert guard.faults == []
    assert "aten::_safe_softmax" in guard.seen


def test_attention_at_once_would_not() -> None:
    query = torch.zeros(2, 8, 128**2, 40, dtype=torch.float16, device="meta")
    with as_on_mps() as guard:
        F.scaled_dot_product_attention(query, query, query)
    assert any("more than 2^32 bytes" in fault for fault in guard.faults)


@pytest.mark.parametrize("bounded", [True, False])
def test_decoding_stays_within_metal_s_arrays(
    bounded: bool, tiny_folder: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is made smaller, and with it the picture: 1024 x 1024 stands for 4096 x 4096."""
    for module in (mps_layers, mps_guard):
        monkeypatch.setattr(module, "LARGEST_ARRAY", 2**25)
    small_chunks = ChunkedAttention(in_float32=False, score_bytes=2**24)
    placement = mps_placement(tiny_folder, torch.device("meta"), attention=small_chunks)
    vae = mps_layers.load_contiguous(tiny_folder, "vae", placement)
    way = mps_layers.DECODE_WAYS[0] if bounded else mps_layers.DecodeWay("at once")
    with torch.inference_mode(), as_on_mps() as guard:
        way.decode(vae, torch.zeros(1, 4, 128, 128, device="meta"))
    too_large = [fault for fault in guard.faults if "more than 2^32 bytes" in fault]
    assert bool(too_large) is not bounded


# --- A card -------------------------------------------------------------------------------------


def test_the_guard_of_the_card_catches_what_the_cpu_computes() -> None:
    with DeviceGuard() as guard:
        torch.mm(torch.ones(3, 3), torch.ones(3, 3))
    assert guard.faults == ["aten::mm is computed on the CPU"]


def test_the_guard_of_the_card_catches_a_layer_that_stayed_behind(
    tiny_folder: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgetful(folder: ModelFolder, part: str, placement: Placement) -> nn.Module:
        module = load_on_device(folder, part, placement)
        if part == "unet":
            module.conv_out.weight = nn.Parameter(torch.zeros(module.conv_out.weight.shape))
        return module

    placement = replace(on_card(tiny_folder, "stored int8"), load=forgetful, unet_dtype=torch.float32)
    with DeviceGuard("aten::div", "aten::cat") as guard, contextlib.suppress(RuntimeError):
        run_all(TorchStages(tiny_folder, placement))
    assert any("mixes arrays" in fault for fault in guard.faults)


def on_card(folder: ModelFolder, scheme: str) -> Placement:
    half = torch.float16
    settings = CardSettings(scheme=scheme, keeps=(), text_dtype=half, unet_dtype=half, vae_dtype=half)
    return replace(cuda_int8.placement(settings, CARD, lambda: PLENTY), after_picture=lambda: None)


def offloaded(folder: ModelFolder) -> Placement:
    placement = replace(cpu_offload._on_card(10**9, folder.path), device=CARD)
    return replace(placement, after_picture=lambda: None)


PLACEMENTS: dict[str, Callable[[ModelFolder], Placement]] = {
    "8 bit": lambda folder: on_card(folder, "int8"),
    "4 bit": lambda folder: on_card(folder, "nf4"),
    "stored 8 bit": lambda folder: on_card(folder, "stored int8"),
    "offload with a card": offloaded,
}


def built_unwatched(*arguments: Any) -> nn.Module:
    """A transformer's table of places is no weight: it is computed when it is built, here."""
    with _disable_current_modes():
        return build_empty(*arguments)


def made_unwatched(module: nn.Module) -> None:
    """The same of tables that are made when weights are filled in."""
    with _disable_current_modes():
        make_tables(module)


def every_kind() -> list[Any]:
    """Each family in one of the ways that a card holds weights, in turn; in the others thoroughly."""
    ways = tuple(PLACEMENTS)
    return [
        pytest.param(family, name, marks=() if name == ways[number % len(ways)] else pytest.mark.thorough)
        for number, family in enumerate(FAMILIES)
        for name in ways
    ]


@pytest.mark.parametrize(("any_folder", "name"), every_kind(), indirect=["any_folder"])
def test_with_a_card_all_is_computed_there(
    name: str, any_folder: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copies to and from it are all that the CPU does."""
    monkeypatch.setattr(fallback, "spoiled", lambda image: None)
    monkeypatch.setattr(LlmInt8Linear, "outlier", 0.0)  # finding outliers looks at values: there are none
    if any_folder.denoiser == "transformer":
        for module in (parts, streaming, int8_loading):
            monkeypatch.setattr(module, "build_empty", built_unwatched)
        monkeypatch.setattr(streaming_files, "make_tables", made_unwatched)
    with DeviceGuard("aten::cat") as guard:
        run_all(TorchStages(any_folder, PLACEMENTS[name](any_folder)))
    assert guard.faults == []
    assert {"aten::convolution", "aten::native_layer_norm"} <= guard.on_card
    if name == "8 bit":
        assert "bitsandbytes::int8_scaled_mm" in guard.on_card


def test_settings_chosen_for_a_card_are_those_it_is_placed_with(tiny_folder: ModelFolder) -> None:
    settings = choose_settings(tiny_folder, A_CARD, PLENTY)
    placement = cuda_int8.placement(settings, CARD, lambda: PLENTY)
    assert placement.precision.endswith("weights int8")

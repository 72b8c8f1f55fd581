"""An NVIDIA card, as far as a machine without one can tell: what is found, what is said, what is chosen."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from backends import cuda_int8
from backends.core.contract import InvalidRequest
from backends.core.cuda_driver import Card, find_cards
from backends.core.cuda_parts import Keeping
from backends.core.cuda_settings import CardSettings, choose_settings, predicted_peak
from backends.core.fit import Needs
from backends.core.model_folder import ModelFolder
from backends.core.torch_stages import TorchStages
from tests.measure_int8 import make

GB = 10**9
RTX_3050 = Card("NVIDIA GeForce RTX 3050 Laptop GPU", (8, 6), 4 * GB)
GTX_1660 = Card("NVIDIA GeForce GTX 1660 SUPER", (7, 5), 6 * GB)
GTX_1060 = Card("NVIDIA GeForce GTX 1060 6GB", (6, 1), 6 * GB)
CPU = torch.device("cpu")


class Driver:
    """Stands in for NVIDIA's driver library: writes to the places it is given, as the real one does."""

    def __init__(self, cards: list[Card], start: int = 0) -> None:
        self._cards, self._start = cards, start

    def cuInit(self, flags: int) -> int:
        return self._start

    def cuDeviceGetCount(self, count: Any) -> int:
        count._obj.value = len(self._cards)
        return 0

    def cuDeviceGet(self, device: Any, number: int) -> int:
        device._obj.value = number
        return 0

    def cuDeviceGetName(self, name: Any, length: int, device: Any) -> int:
        name.value = self._cards[device.value].name.encode()
        return 0

    def cuDeviceTotalMem_v2(self, memory: Any, device: Any) -> int:
        memory._obj.value = self._cards[device.value].memory
        return 0

    def cuDeviceGetAttribute(self, value: Any, attribute: int, device: Any) -> int:
        value._obj.value = self._cards[device.value].capability[attribute - 75]
        return 0


# --- What is found, and said --------------------------------------------------------------------


def test_the_driver_is_asked_for_its_cards() -> None:
    assert find_cards(Driver([RTX_3050, GTX_1060])) == [RTX_3050, GTX_1060]


def test_a_driver_that_does_not_start_has_no_cards() -> None:
    assert find_cards(Driver([RTX_3050], start=100)) == []


@pytest.mark.parametrize(
    ("cards", "words"),
    [
        ([], "No NVIDIA card"),
        ([Card("GeForce GTX 960", (5, 2), 4 * GB)], "too old"),
        ([Card("GeForce MX150", (6, 1), 2 * GB)], "2.0 GB"),
    ],
)
def test_why_a_machine_cannot_run_it(cards: list[Card], words: str) -> None:
    reason = cuda_int8._why_not(cards)
    assert reason is not None
    assert words in reason
    assert ": " in reason  # what to do about it


@pytest.mark.parametrize("card", [RTX_3050, GTX_1060, GTX_1660])
def test_cards_from_pascal_on_with_3_gb_can(card: Card) -> None:
    assert cuda_int8._why_not([card]) is None


def test_a_torch_without_cuda_is_named() -> None:
    if torch.version.cuda is None:
        reason = cuda_int8._what_is_missing()
        assert reason is not None
        assert "CUDA build" in reason


def test_an_unknown_choice_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="2 bit"):
        cuda_int8._bits("2 bit")


# --- What is chosen -----------------------------------------------------------------------------


def test_what_a_card_computes_with_is_decided_by_what_it_has(tiny_folder: ModelFolder) -> None:
    modern, broken, old = (choose_settings(tiny_folder, c, 4 * GB) for c in (RTX_3050, GTX_1660, GTX_1060))
    assert (modern.scheme, modern.unet_dtype) == ("int8", torch.float16)
    assert (broken.scheme, broken.unet_dtype, broken.vae_dtype) == (
        "stored int8",
        torch.float32,
        torch.float32,
    )
    assert (old.scheme, old.unet_dtype) == ("stored int8", torch.float32)


def test_less_memory_keeps_less_on_the_card_and_then_takes_fewer_bits(tiny_folder: ModelFolder) -> None:
    def need(settings: CardSettings) -> int:
        size = tiny_folder.facts.defaults.width, tiny_folder.facts.defaults.height
        return predicted_peak(Needs(tiny_folder, settings.footprint), settings, size)

    all_kept = choose_settings(tiny_folder, RTX_3050, 4 * GB)
    assert all_kept.keeps == ("unet", "vae")
    less = choose_settings(tiny_folder, RTX_3050, need(all_kept))
    assert less.scheme == "int8"
    assert len(less.keeps) < 2
    least = choose_settings(tiny_folder, RTX_3050, 1)
    assert (least.scheme, least.keeps) == ("nf4", ())
    assert need(least) <= need(less) < need(all_kept)


def test_a_chosen_number_of_bits_is_kept(tiny_folder: ModelFolder) -> None:
    assert choose_settings(tiny_folder, RTX_3050, 8 * GB, bits=4).scheme == "nf4"
    assert choose_settings(tiny_folder, RTX_3050, 1, bits=8).scheme == "int8"


def test_the_decoder_computes_in_float32_where_there_is_room(tiny_folder: ModelFolder) -> None:
    assert choose_settings(tiny_folder, RTX_3050, 7 * GB).vae_dtype == torch.float32
    assert choose_settings(tiny_folder, RTX_3050, 3 * GB).vae_dtype == torch.float16


# --- Where the networks are ---------------------------------------------------------------------


def settings(keeps: tuple[str, ...]) -> CardSettings:
    """Computing in float32, so that only the weights differ from the CPU's."""
    full = torch.float32
    return CardSettings(scheme="stored int8", keeps=keeps, text_dtype=full, unet_dtype=full, vae_dtype=full)


def test_the_text_encoder_is_gone_when_denoising_starts(tiny_folder: ModelFolder) -> None:
    placement = cuda_int8.placement(settings(("unet", "vae")), CPU, lambda: 8 * GB)
    parts = Keeping(tiny_folder, placement, ("unet", "vae"))
    held = [sorted(parts.held) for part in ("text_encoder", "unet", "vae", "unet") if parts.use(part, ())]
    assert held == [["text_encoder"], ["unet"], ["unet", "vae"], ["unet", "vae"]]
    first = parts.use("unet", ())
    assert parts.use("unet", ()) is first
    parts.close()
    parts.close()
    assert parts.held == {}


def test_with_the_least_memory_one_network_is_there_at_a_time(tiny_folder: ModelFolder) -> None:
    parts = Keeping(tiny_folder, cuda_int8.placement(settings(()), CPU, lambda: 8 * GB), ())
    for part in ("text_encoder", "unet", "vae"):
        parts.use(part, ())
        assert list(parts.held) == [part]


def test_a_decoder_can_be_loaded_again_in_another_type(tiny_folder: ModelFolder) -> None:
    parts = Keeping(tiny_folder, cuda_int8.placement(settings(("vae",)), CPU, lambda: 8 * GB), ("vae",))
    parts.use("vae", ())
    parts.reload("vae", torch.bfloat16)
    assert next(parts.module("vae").parameters()).dtype == torch.bfloat16


def test_what_stays_on_the_card_does_not_change_the_picture(tiny_folder: ModelFolder) -> None:
    made = [
        make(TorchStages(tiny_folder, cuda_int8.placement(settings(keeps), CPU, lambda: 8 * GB)), 1, 3)
        for keeps in (("unet", "vae"), ())
    ]
    assert made[0] == made[1]

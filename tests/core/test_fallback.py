"""What is done when memory runs out or numbers overflow, and that it is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from backends.core import fallback, pipeline
from backends.core.contract import Notice, OutOfMemory, PictureReady, Request
from backends.core.fallback import Attempt, first_that_fits
from backends.core.placement import Placement
from backends.core.tiling import SMALL_TILES, WHOLE, DecodeWay
from backends.core.torch_stages import TorchStages, open_stages

NO_MEMORY = "[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."
REQUEST = Request(prompt="a cat", width=64, height=64, steps=2, guidance_scale=4.0, sampler="euler", seed=7)


def place(**changes: Any) -> Placement:
    told = {"backend": "test", "device": torch.device("cpu"), "free_bytes": lambda: 10**12}
    return Placement(**{**told, **changes})


@pytest.fixture
def open_model(tiny_model: Path) -> Iterator[Callable[..., TorchStages]]:
    opened: list[TorchStages] = []

    def make(**changes: Any) -> TorchStages:
        opened.append(open_stages(tiny_model, place(**changes)))
        return opened[-1]

    yield make
    for stages in opened:
        stages.close()


def make_picture(stages: TorchStages) -> tuple[bytes, list[str]]:
    events = list(pipeline.generate(REQUEST, stages, previews=False))
    rgb = next(event.picture.rgb for event in events if isinstance(event, PictureReady))
    return rgb, [event.message for event in events if isinstance(event, Notice)]


def fails(count: int, module: Any) -> None:
    """The module's next runs end as torch's do when memory is short."""
    left = [count]

    def hook(*_: object) -> None:
        if left[0] > 0:
            left[0] -= 1
            raise RuntimeError(NO_MEMORY)

    module.register_forward_pre_hook(hook)


def test_the_next_attempt_is_made_and_said() -> None:
    said: list[str] = []

    def no_memory() -> Tensor:
        raise MemoryError

    found = first_that_fits([Attempt(no_memory), Attempt(lambda: torch.ones(1), "Done otherwise.")], said)
    assert float(found) == 1
    assert said == ["Done otherwise."]


def test_other_errors_are_not_swallowed() -> None:
    def broken() -> Tensor:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        first_that_fits([Attempt(broken), Attempt(lambda: torch.ones(1))], [])


def test_decoding_that_runs_out_of_memory_goes_on_in_tiles(open_model: Callable[..., TorchStages]) -> None:
    tiles = DecodeWay("in tiles", 4)
    stages = open_model(decode=(WHOLE, tiles))
    fails(1, stages.network("vae").decoder)
    _, said = make_picture(stages)
    assert said == [fallback.SMALLER_TILES.format(way="in tiles")]


def test_tiles_are_chosen_before_memory_runs_out(open_model: Callable[..., TorchStages]) -> None:
    stages = open_model(free_bytes=lambda: 200_000, decode=(WHOLE, DecodeWay("in tiles", 4)))
    latents = torch.randn(1, 4, 16, 16)
    assert stages.decode(latents).shape == (1, 3, 128, 128)
    assert stages.take_remarks() == [fallback.SMALLER_TILES.format(way="in tiles")]
    assert stages.take_remarks() == []


def test_denoising_that_runs_out_of_memory_goes_on_streaming(open_model: Callable[..., TorchStages]) -> None:
    expected, _ = make_picture(open_model())
    stages = open_model()
    fails(1, stages.network("unet"))
    rgb, said = make_picture(stages)
    assert said == [fallback.STREAMED]
    assert max(abs(a - b) for a, b in zip(rgb, expected, strict=True)) <= 1


def test_a_model_that_does_not_fit_when_it_is_loaded_streams(open_model: Callable[..., TorchStages]) -> None:
    def no_room(*_: object) -> Any:
        raise RuntimeError(NO_MEMORY)

    _, said = make_picture(open_model(load=no_room))
    assert said == [fallback.STREAMED]


def test_when_nothing_helps_a_smaller_size_is_offered(open_model: Callable[..., TorchStages]) -> None:
    stages = open_model(free_bytes=lambda: 3_000_000)
    with pytest.raises(OutOfMemory) as caught:
        stages.check_size(2048, 1024)
    width, height = (
        int(word.strip(",")) for word in caught.value.action.split() if word.strip(",").isdigit()
    )
    assert width == 2 * height
    stages.check_size(width, height)


@pytest.mark.parametrize(("value", "word"), [(float("nan"), "overflowed"), (-1.0, "black")])
def test_a_spoiled_picture_is_developed_once_more_in_full_precision(
    open_model: Callable[..., TorchStages], value: float, word: str
) -> None:
    stages = open_model(vae_dtype=torch.bfloat16)

    def spoil(module: Any, args: Any, output: Tensor) -> Tensor:
        return torch.full_like(output, value) if output.dtype == torch.bfloat16 else output

    stages.network("vae").decoder.register_forward_hook(spoil)
    rgb, said = make_picture(stages)
    assert len(said) == 1
    assert word in said[0]
    assert "float32" in said[0]
    expected, _ = make_picture(open_model())
    assert rgb == expected


def test_a_good_picture_says_nothing(open_model: Callable[..., TorchStages]) -> None:
    assert make_picture(open_model())[1] == []


def test_hooks_around_a_picture_are_called(open_model: Callable[..., TorchStages]) -> None:
    calls: list[str] = []
    stages = open_model(
        before_picture=lambda: calls.append("before"), after_picture=lambda: calls.append("after")
    )
    make_picture(stages)
    assert calls == ["before", "after"]


def test_the_attention_processor_is_set(open_model: Callable[..., TorchStages]) -> None:
    from diffusers.models.attention_processor import AttnProcessor

    stages = open_model(attention=AttnProcessor())
    assert {type(each) for each in stages.network("unet").attn_processors.values()} == {AttnProcessor}


def test_small_tiles_cover_a_picture_of_any_shape(open_model: Callable[..., TorchStages]) -> None:
    vae = open_model().network("vae")
    way = replace(SMALL_TILES, tile=8)
    with torch.inference_mode():
        assert way.decode(vae, torch.zeros(1, 4, 13, 22)).shape == (1, 3, 104, 176)


class NeverFits(DecodeWay):
    """A way to decode that always runs out of memory."""

    def decode(self, vae: Any, latents: Tensor) -> Tensor:
        raise RuntimeError(NO_MEMORY)


def test_when_every_attempt_runs_out_a_size_is_offered(open_model: Callable[..., TorchStages]) -> None:
    stages = open_model(decode=(NeverFits("at once"), NeverFits("in tiles", 16)))
    with pytest.raises(OutOfMemory) as caught:
        stages.decode(torch.randn(1, 4, 32, 32))
    assert "256 x 256" in caught.value.message
    assert caught.value.action == "Use 64 x 64, or close other programs."
    assert fallback.STREAMED in stages.take_remarks()

"""What Inside is made of: nothing without it, the same picture with it, and attention as torch has it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.models.attention_processor import Attention, AttnProcessor2_0

from backends import cuda_int8, mps
from backends.core import attention_maps, inside, mps_quirks, pipeline
from backends.core.attention_maps import AttentionMaps
from backends.core.contract import (
    Denoised,
    Event,
    NoiseDrawn,
    Request,
    Stages,
    StepDone,
    StepSeen,
    TextRead,
    WordsAttended,
)
from backends.core.cuda_driver import Card
from backends.core.cuda_settings import choose_settings
from backends.core.model_folder import open_folder
from backends.core.registry import get_backend
from backends.core.torch_stages import TorchStages
from tests.core.test_pipeline import Spoiled, make_request, noisy_png, pictures

INSIDE = (NoiseDrawn, StepSeen, Denoised, WordsAttended)


def look(request: Request, stages: Stages, **options: Any) -> list[Event]:
    return list(pipeline.generate(request, stages, inside=True, **options))


def all_of(events: list[Event], kind: type) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


@pytest.mark.parametrize("sampler", ["euler", "euler_a", "heun", "dpmpp_2m_sde"])
def test_the_picture_is_the_same_with_it_and_without(tiny_stages: Stages, sampler: str) -> None:
    request = make_request(sampler=sampler, count=2)
    plain, watched = list(pipeline.generate(request, tiny_stages)), look(request, tiny_stages)
    assert [each.picture for each in pictures(plain)] == [each.picture for each in pictures(watched)]
    assert not [event for event in plain if isinstance(event, INSIDE)]
    rest = [type(event) for event in watched if not isinstance(event, INSIDE)]
    assert rest == [type(event) for event in plain]


def test_without_it_none_of_its_code_runs(tiny_stages: Stages, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*args: object, **kwargs: object) -> None:
        raise AssertionError("Inside ran though nobody asked for it")

    monkeypatch.setattr(inside.Observer, "__init__", never)
    monkeypatch.setattr(attention_maps.AttentionMaps, "__init__", never)
    monkeypatch.setattr(torch.nn.Linear, "register_forward_hook", never)
    assert pictures(list(pipeline.generate(make_request(), tiny_stages)))
    with pytest.raises(AssertionError, match="nobody asked"):
        look(make_request(), tiny_stages)


def test_every_step_is_told_with_both_halves_of_guidance(tiny_stages: Stages) -> None:
    events = look(make_request(width=96), tiny_stages, previews=False)
    steps = all_of(events, StepSeen)
    assert [each.step for each in steps] == [1, 2, 3]
    shares = [each.noise_share for each in steps]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.8
    for each in steps:
        shown = (each.latents, each.estimate, each.unconditional, each.conditional)
        assert all((picture.width, picture.height, len(picture.rgb)) == (12, 8, 288) for picture in shown)
    (noise,) = all_of(events, NoiseDrawn)
    assert noise.latents == steps[0].latents
    assert all(event.preview is None for event in all_of(events, StepDone))
    previewed = all_of(list(pipeline.generate(make_request(width=96), tiny_stages)), StepDone)
    assert [each.estimate for each in steps] == [event.preview for event in previewed]


def test_guidance_of_one_has_no_halves(tiny_stages: Stages) -> None:
    steps = all_of(look(make_request(guidance_scale=1.0), tiny_stages), StepSeen)
    assert [(each.unconditional, each.conditional) for each in steps] == [(None, None)] * 3


def test_large_latents_are_shown_small(tiny_stages: Stages) -> None:
    events = look(make_request(width=640, height=320, steps=1), tiny_stages)
    (step,) = all_of(events, StepSeen)
    assert (step.latents.width, step.latents.height) == (64, 32)
    (words,) = all_of(events, WordsAttended)
    assert (words.width, words.height) == (64, 32)


def test_a_start_picture_is_seen_under_noise(tiny_stages: Stages) -> None:
    request = make_request(init_image=noisy_png(), strength=0.7)
    events = look(request, tiny_stages)
    assert len(all_of(events, StepSeen)) == 2
    assert all_of(events, NoiseDrawn)


def test_every_token_has_a_map_of_shares(tiny_stages: Stages) -> None:
    events = look(make_request(prompt="a fox " + "z" * 40), tiny_stages)
    (read,), (words,) = all_of(events, TextRead), all_of(events, WordsAttended)
    assert len(words.maps) == len(read.tokens) == 44  # two chunks of 22
    maps = np.stack([np.frombuffer(each, "<f2").reshape(8, 8) for each in words.maps])
    assert np.all(maps >= 0)
    assert 0.5 < maps.sum(0).mean() < 1.0  # the rest went to the start and end marks
    assert len(set(words.maps)) > 1


def test_an_empty_prompt_has_no_maps(tiny_stages: Stages) -> None:
    events = look(make_request(prompt=""), tiny_stages)
    assert not all_of(events, WordsAttended)
    assert len(all_of(events, StepSeen)) == 3


def test_a_backend_that_hides_its_network_tells_the_rest(tiny_stages: Stages) -> None:
    class Closed(Spoiled):
        def __getattr__(self, name: str) -> object:
            if name == "network":
                raise AttributeError(name)
            return super().__getattr__(name)

    events = look(make_request(), Closed(tiny_stages))  # pyright: ignore[reportArgumentType]
    assert len(all_of(events, StepSeen)) == 3
    assert not all_of(events, WordsAttended)


def test_attention_is_what_the_layer_computes() -> None:
    """Shares times the values are the layer's own output, by torch's fused attention."""
    torch.manual_seed(0)
    layer: Any = Attention(32, cross_attention_dim=16, heads=4, dim_head=8)
    layer.set_processor(AttnProcessor2_0())
    places, text = torch.randn(1, 24, 32), torch.randn(1, 7, 16)
    with torch.no_grad():
        expected = layer(places, encoder_hidden_states=text)
        heads = [
            attention_maps.attention_shares(q, k, 1, layer.scale) @ v
            for q, k, v in zip(
                layer.to_q(places)[0].chunk(4, -1),
                layer.to_k(text)[0].chunk(4, -1),
                layer.to_v(text)[0].chunk(4, -1),
                strict=True,
            )
        ]
        assert torch.allclose(layer.to_out[0](torch.cat(heads, -1)), expected[0], atol=1e-5)


def test_maps_are_a_mean_over_layers_at_the_prompts_row() -> None:
    torch.manual_seed(0)
    layers = torch.nn.ModuleDict(
        {
            "down": Attention(8, cross_attention_dim=8, heads=2, dim_head=4),
            "mid_block": Attention(8, cross_attention_dim=8, heads=2, dim_head=4),
            "self": Attention(8, heads=2, dim_head=4),
        }
    )
    places, text = torch.randn(2, 12, 8), torch.randn(2, 5, 8)
    maps = AttentionMaps(tokens=(1, 2, 3), size=(3, 4), shown=(3, 4))
    with torch.inference_mode():
        with maps.watching(layers):
            layers["down"](places, encoder_hidden_states=text)
            layers["mid_block"](places * 2, encoder_hidden_states=text)
            layers["self"](places)
        layers["down"](places, encoder_hidden_states=text)
        down: Any = layers["down"]
        query, key = down.to_q(places)[1], down.to_k(text)[1]
        shares = attention_maps.attention_shares(query, key, 2, down.scale)
    mean = maps.mean()
    assert mean is not None
    assert torch.allclose(mean, shares[:, 1:4].T.reshape(3, 3, 4), atol=1e-6)


@pytest.mark.parametrize(("places", "grid"), [(35, (5, 7)), (12, (3, 4)), (4, (2, 2)), (9, None)])
def test_a_layers_grid_is_the_latents_halved(places: int, grid: tuple[int, int] | None) -> None:
    assert attention_maps._grid(places, (5, 7)) == grid


def test_the_previews_map_is_fitted_once_for_an_opened_model(tiny_stages: Stages) -> None:
    decodes: list[int] = []

    def decode(latents: torch.Tensor) -> torch.Tensor:
        decodes.append(len(latents))
        return tiny_stages.decode(latents)

    stages: Any = Spoiled(tiny_stages, decode=decode)
    for prompt in ("a cat", "a dog", "a fox"):
        list(pipeline.generate(make_request(prompt=prompt), stages))
    assert len(decodes) == 12 + 3


def maps(stages: Stages) -> Any:
    """(tokens, rows, columns) of what was told of a picture."""
    (told,) = all_of(look(make_request(), stages), WordsAttended)
    return np.stack([np.frombuffer(each, np.float16).astype(float) for each in told.maps])


def test_every_torch_backend_tells_where_words_mattered_as_the_cpu_does(tiny_model: Path) -> None:
    tiny_folder = open_folder(tiny_model)
    cpu = torch.device("cpu")
    card = choose_settings(tiny_folder, Card("a card", (8, 6), 8 * 10**9), 8 * 10**9)
    placements = {
        "mps": mps.placement(tiny_folder, cpu, frozenset(mps_quirks.Remedy)),
        "cuda_int8": cuda_int8.placement(card, cpu, lambda: 8 * 10**9),
    }
    backends = (mps.BACKEND, cuda_int8.BACKEND)
    promised = {each.capabilities.id for each in backends if "attention_maps" in each.capabilities.features}
    assert promised == placements.keys()
    expected = maps(get_backend("cpu_offload").open(tiny_folder.path, {}))
    for name, placement in placements.items():
        found = maps(TorchStages(tiny_folder, replace(placement, free_bytes=lambda: 8 * 10**9)))
        assert np.abs(found - expected).max() < 0.02 * expected.max(), name


def test_a_thousand_steps_stay_small() -> None:
    """By arithmetic: four pictures a step, the largest there are."""
    assert 1000 * 4 * 3 * inside.LARGEST_SIDE**2 < 50 * 10**6
    assert all(max(inside.shown_size(size)) == 64 for size in ((128, 96), (1024, 8), (65, 64)))

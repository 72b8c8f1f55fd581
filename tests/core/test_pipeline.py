"""The loop through its one door: events in order, one picture for one request, cancelling, bad input."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from backends.core import pipeline
from backends.core.chunks import first_chunk
from backends.core.contract import (
    BadPicture,
    Conditioning,
    Event,
    Finished,
    InvalidRequest,
    MezzotintError,
    ModelFacts,
    Notice,
    OutOfMemory,
    PictureReady,
    Request,
    Stage,
    Stages,
    StageStarted,
    StepDone,
    TextRead,
    UnreadablePicture,
)
from backends.core.registry import get_backend

STARTER = Path(__file__).parents[2] / "desktop/resources/starter"


def make_request(**changes: object) -> Request:
    base = Request(prompt="a cat", width=64, height=64, steps=3, guidance_scale=4.0, sampler="euler", seed=7)
    return replace(base, **changes)  # type: ignore[arg-type]


def run(request: Request, stages: Stages) -> list[Event]:
    return list(pipeline.generate(request, stages))


def pictures(events: list[Event]) -> list[PictureReady]:
    return [event for event in events if isinstance(event, PictureReady)]


def png(width: int, height: int, colour: str = "teal") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, "PNG")
    return buffer.getvalue()


def noisy_png() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 80).save(buffer, "PNG")
    return buffer.getvalue()


class Spoiled:
    """Real stages with one of them replaced; counts calls."""

    def __init__(self, stages: Stages, **replaced: Callable[..., object]) -> None:
        self._stages, self._replaced = stages, replaced
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> object:
        if name in self._replaced:
            return self._replaced[name]
        if name in ("denoise", "decode"):
            self.calls.append(name)
        return getattr(self._stages, name)


def test_events_tell_the_whole_story_in_order(tiny_stages: Stages) -> None:
    events = run(make_request(), tiny_stages)
    started = [event.stage for event in events if isinstance(event, StageStarted)]
    assert started == [Stage.READING_PROMPT, Stage.DENOISING, Stage.DEVELOPING]
    assert [(e.step, e.steps) for e in events if isinstance(e, StepDone)] == [(1, 3), (2, 3), (3, 3)]
    assert isinstance(events[-1], Finished)
    assert len({event.request_id for event in events}) == 1
    (ready,) = pictures(events)
    assert set(ready.stage_seconds) == {"reading_prompt", "denoising", "developing"}
    assert ready.provenance["backend"] == "cpu_offload"
    assert len(ready.provenance["model_hash"]) == 64


def test_every_step_brings_a_preview_of_the_latents_shape(tiny_stages: Stages) -> None:
    steps = [e for e in run(make_request(width=96), tiny_stages) if isinstance(e, StepDone)]
    previews = [step.preview for step in steps]
    assert all(p is not None and (p.width, p.height, len(p.rgb)) == (12, 8, 288) for p in previews)
    without = pipeline.generate(make_request(), tiny_stages, previews=False)
    assert all(event.preview is None for event in without if isinstance(event, StepDone))


def test_previews_come_to_resemble_the_picture() -> None:
    stages = get_backend("cpu_offload").open(STARTER, {})
    events = run(make_request(prompt="a fox in the snow", width=128, height=128, steps=8), stages)
    final = picture_array(pictures(events)[0].picture.rgb, 128)
    small = torch.nn.functional.adaptive_avg_pool2d(final[None], 16)[0]
    last = [e.preview for e in events if isinstance(e, StepDone)][-1]
    assert last is not None
    assert float((picture_array(last.rgb, 16) - small).abs().mean()) < 12  # of 255


def picture_array(rgb: bytes, side: int) -> torch.Tensor:
    return torch.frombuffer(bytearray(rgb), dtype=torch.uint8).reshape(side, side, 3).permute(2, 0, 1).float()


@pytest.mark.parametrize("sampler", ["euler_a", "dpmpp_sde", "heun", "lcm"])
def test_same_request_gives_the_same_bytes(tiny_stages: Stages, sampler: str) -> None:
    first, second = (pictures(run(make_request(sampler=sampler), tiny_stages)) for _ in range(2))
    assert first[0].picture.rgb == second[0].picture.rgb


def test_same_request_gives_the_same_bytes_in_another_process(tiny_stages: Stages, tiny_model: Path) -> None:
    request = make_request(sampler="euler_a")
    here = hashlib.sha256(pictures(run(request, tiny_stages))[0].picture.rgb).hexdigest()
    script = (
        "import sys, hashlib; from pathlib import Path\n"
        "from backends.core import pipeline, registry; from backends.core.contract import *\n"
        "stages = registry.get_backend('cpu_offload').open(Path(sys.argv[1]), {})\n"
        "request = Request(prompt='a cat', width=64, height=64, steps=3, guidance_scale=4.0,"
        " sampler='euler_a', seed=7)\n"
        "ready = [e for e in pipeline.generate(request, stages) if isinstance(e, PictureReady)]\n"
        "print(hashlib.sha256(ready[0].picture.rgb).hexdigest())\n"
    )
    command = [sys.executable, "-c", script, str(tiny_model)]
    there = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1]
    assert here == there


def test_picture_k_of_a_series_is_the_picture_of_seed_plus_k(tiny_stages: Stages) -> None:
    series = pictures(run(make_request(count=3), tiny_stages))
    assert [ready.seed for ready in series] == [7, 8, 9]
    alone = pictures(run(make_request(seed=9), tiny_stages))[0]
    assert series[2].picture.rgb == alone.picture.rgb


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "a dog"},
        {"negative_prompt": "fog"},
        {"guidance_scale": 7.0},
        {"seed": 8},
        {"steps": 4},
        {"clip_skip": 1},
        {"sampler": "dpmpp_2m"},
        {"init_image": png(64, 64)},
    ],
)
def test_everything_in_a_request_decides_the_picture(tiny_stages: Stages, change: dict[str, object]) -> None:
    plain = pictures(run(make_request(), tiny_stages))[0].picture.rgb
    assert pictures(run(make_request(**change), tiny_stages))[0].picture.rgb != plain


def test_clip_skip_takes_the_layer_diffusers_takes(tiny_stages: Stages, tiny_model: Path) -> None:
    from transformers.models.clip.modeling_clip import CLIPTextModel
    from transformers.models.clip.tokenization_clip import CLIPTokenizer

    encoder = CLIPTextModel.from_pretrained(tiny_model / "text_encoder")
    tokenizer = CLIPTokenizer.from_pretrained(tiny_model / "tokenizer")
    ids = tokenizer("a cat", padding="max_length", return_tensors="pt").input_ids
    with torch.no_grad():
        hidden = encoder(ids, output_hidden_states=True).hidden_states
        expected = encoder.final_layer_norm(hidden[-2])
    got = tiny_stages.encode_text("a cat", 1).tensors["encoder_hidden_states"]
    assert torch.allclose(got, expected, atol=1e-6)
    assert not torch.allclose(got, tiny_stages.encode_text("a cat", 0).tensors["encoder_hidden_states"])


@pytest.mark.parametrize("after", range(1, 14))
def test_closing_stops_at_any_event_and_skips_what_is_left(tiny_stages: Stages, after: int) -> None:
    watched = Spoiled(tiny_stages)
    events = pipeline.generate(make_request(count=2), watched, previews=False)  # type: ignore[arg-type]
    for _ in range(after):
        next(events)
    done = list(watched.calls)
    events.close()  # type: ignore[attr-defined]
    assert watched.calls == done
    assert list(events) == []


def test_strength_decides_how_many_steps_are_made(tiny_stages: Stages) -> None:
    request = make_request(steps=10, strength=0.4, init_image=png(64, 64))
    assert len([e for e in run(request, tiny_stages) if isinstance(e, StepDone)]) == 4


def test_a_start_picture_of_another_size_is_scaled_and_cut(tiny_stages: Stages) -> None:
    request = make_request(init_image=png(300, 90), strength=0.5)
    ready = pictures(run(request, tiny_stages))[0]
    assert (ready.picture.width, ready.picture.height) == (64, 64)


@pytest.mark.parametrize(
    "data",
    [b"", b"not a picture", png(64, 64)[:60], noisy_png()[:-300], b"GIF89a" + bytes(50)],
    ids=["empty", "text", "cut", "cut at the end", "gif"],
)
def test_unreadable_start_pictures_are_refused(tiny_stages: Stages, data: bytes) -> None:
    with pytest.raises(UnreadablePicture):
        run(make_request(init_image=data), tiny_stages)


def test_an_enormous_start_picture_is_refused_unopened(tiny_stages: Stages) -> None:
    header = bytearray(png(8, 8))
    header[16:24] = (60000).to_bytes(4, "big") * 2
    with pytest.raises(UnreadablePicture):
        run(make_request(init_image=bytes(header)), tiny_stages)


def test_an_empty_prompt_is_allowed_and_says_so(tiny_stages: Stages) -> None:
    events = run(make_request(prompt="  "), tiny_stages)
    assert any(isinstance(e, Notice) and "empty" in e.message for e in events)
    assert pictures(events)


def test_words_past_the_limit_are_named(tiny_stages: Stages) -> None:
    """Where a network takes one chunk only, as converted ones do."""

    class OneChunk:
        def encode_text(self, text: str, clip_skip: int) -> Conditioning:
            return first_chunk(tiny_stages.encode_text(text, clip_skip), tiny_stages.facts.token_limit)

        def __getattr__(self, name: str) -> Any:
            return getattr(tiny_stages, name)

    events = run(make_request(prompt="abcdefghijklmnopqrstuvwxyz"), OneChunk())  # type: ignore[arg-type]
    (read,) = [event for event in events if isinstance(event, TextRead)]
    assert "".join(read.tokens + read.cut) == "abcdefghijklmnopqrstuvwxyz"
    assert read.cut == ("w", "x", "y", "z")
    assert any(isinstance(e, Notice) and "left out: w x y z" in e.message for e in events)


@pytest.mark.parametrize("stage", ["denoise", "decode"])
def test_numbers_that_overflow_are_an_error_with_advice(tiny_stages: Stages, stage: str) -> None:
    def broken(latents: torch.Tensor, *rest: object) -> torch.Tensor:
        return torch.full_like(latents, float("nan"))

    with pytest.raises(BadPicture) as caught:
        list(pipeline.generate(make_request(), Spoiled(tiny_stages, **{stage: broken}), previews=False))  # type: ignore[arg-type]
    assert caught.value.action


@pytest.mark.parametrize(("value", "word"), [(-1.0, "black"), (1.0, "white"), (0.1, "flat")])
def test_dull_pictures_are_noticed(tiny_stages: Stages, value: float, word: str) -> None:
    def dull(latents: torch.Tensor) -> torch.Tensor:
        return torch.full((1, 3, 64, 64), value)

    events = list(pipeline.generate(make_request(), Spoiled(tiny_stages, decode=dull), previews=False))  # type: ignore[arg-type]
    assert any(isinstance(event, Notice) and word in event.message for event in events)
    assert pictures(events)


def test_a_size_that_does_not_fit_is_refused_with_one_that_does(tiny_stages: Stages) -> None:
    placement = tiny_stages._placement  # type: ignore[attr-defined]
    tiny_stages._placement = replace(placement, free_bytes=lambda: 30_000_000)  # type: ignore[attr-defined]
    try:
        with pytest.raises(OutOfMemory) as caught:
            run(make_request(width=1024, height=1024), tiny_stages)
    finally:
        tiny_stages._placement = placement  # type: ignore[attr-defined]
    assert "Use " in caught.value.action


@pytest.mark.parametrize(
    "change",
    [
        {"width": 0},
        {"width": -64},
        {"height": 100},
        {"height": 10**6},
        {"steps": 0},
        {"count": 0},
        {"seed": -1},
        {"guidance_scale": float("nan")},
        {"strength": 1.5},
        {"sampler": "eular"},
        {"prompt": "x" * 100_000},
        {"prompt": "half \ud83d pair"},
        {"negative_prompt": "half \udc00 pair"},
        {"init_image": b"", "strength": 0.1},
    ],
)
def test_values_that_cannot_be_used_are_refused_at_once(change: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        make_request(**change)
    assert caught.value.message.endswith(".")
    assert caught.value.action.endswith((".", "?"))
    assert caught.value.exit_code == 2


def test_a_sampler_that_cannot_make_so_many_steps_says_so(tiny_stages: Stages) -> None:
    with pytest.raises(InvalidRequest, match="LCM can't make 60 steps"):
        run(make_request(sampler="lcm", steps=60), tiny_stages)


def test_a_guidance_embedding_takes_the_place_of_guidance(tiny_stages: Stages) -> None:
    """A distilled UNet (LCM) is told the scale, and runs once a step."""
    seen: list[Mapping[str, torch.Tensor]] = []

    class Distilled:
        facts: ModelFacts = replace(tiny_stages.facts, guidance_embedding=256)
        provenance = tiny_stages.provenance

        def check_size(self, width: int, height: int) -> None: ...

        def encode_text(self, text: str, clip_skip: int) -> Conditioning:
            return tiny_stages.encode_text(text, clip_skip)

        def denoise(self, latents: torch.Tensor, t: float, c: Mapping[str, torch.Tensor]) -> torch.Tensor:
            seen.append(c)
            assert latents.shape[0] == 1
            return torch.zeros_like(latents)

        def decode(self, latents: torch.Tensor) -> torch.Tensor:
            return tiny_stages.decode(latents)

    list(pipeline.generate(make_request(sampler="lcm"), Distilled(), previews=False))  # type: ignore[arg-type]
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline

    embedding: Any = StableDiffusionPipeline.get_guidance_scale_embedding
    expected = embedding(None, torch.tensor([3.0]), 256)
    assert torch.allclose(seen[0]["timestep_cond"], expected, atol=1e-4)


def test_errors_survive_the_way_between_processes() -> None:
    import pickle

    error = OutOfMemory("Too large.", "Use 64 x 64.")
    copy = pickle.loads(pickle.dumps(error))
    assert isinstance(copy, MezzotintError)
    assert (copy.message, copy.action, copy.exit_code) == (error.message, error.action, 1)

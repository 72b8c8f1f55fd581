"""Long prompts: exact embeddings against transformers, chunk by chunk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from backends.core import chunks
from backends.core.contract import Stages
from tests.families.reference import make
from tests.tiny_models import TOKENS

ROOM = TOKENS - 2
LONG = "abcdefghijklmnopqrstuvwxyz0123456789"
Clip = tuple[Any, Any]


@pytest.fixture(scope="module")
def clip(tiny_model: Path) -> Clip:
    encoder: Any = CLIPTextModel.from_pretrained(str(tiny_model / "text_encoder"))
    return CLIPTokenizer.from_pretrained(str(tiny_model / "tokenizer")), encoder.eval()


@torch.no_grad()
def reference(clip: Clip, *texts: str) -> torch.Tensor:
    """Each text encoded on its own by transformers, one after the other."""
    tokenizer, encoder = clip
    read = [tokenizer(text, padding="max_length", max_length=TOKENS, return_tensors="pt") for text in texts]
    assert all(each.input_ids.shape[1] == TOKENS for each in read)
    return torch.cat([encoder(each.input_ids).last_hidden_state for each in read], dim=1)


def ours(stages: Stages, text: str) -> torch.Tensor:
    return stages.encode_text(text, 0).tensors["encoder_hidden_states"]


def test_a_prompt_past_the_limit_is_read_in_chunks(clip: Clip, tiny_stages: Stages) -> None:
    expected = reference(clip, " ".join(LONG[:ROOM]), " ".join(LONG[ROOM:]))
    torch.testing.assert_close(ours(tiny_stages, " ".join(LONG)), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a fox BREAK snow", ["a fox", "snow"]),
        ("a fox\nBREAK\nsnow BREAK", ["a fox", "snow"]),
        ("a BREAK BREAK b", ["a", "", "b"]),
        ("breakf BREAKF break", ["breakf BREAKF break"]),
        ("", [""]),
    ],
)
def test_break_starts_a_chunk(clip: Clip, tiny_stages: Stages, text: str, parts: list[str]) -> None:
    torch.testing.assert_close(ours(tiny_stages, text), reference(clip, *parts), atol=1e-5, rtol=1e-5)


def test_weights_count_in_every_chunk(clip: Clip, tiny_stages: Stages) -> None:
    expected = reference(clip, "a b", "c d")
    empty = reference(clip, "")
    second = expected[:, TOKENS:]
    second[:, 2] = empty[:, 2] + 1.5 * (second[:, 2] - empty[:, 2])
    torch.testing.assert_close(ours(tiny_stages, "a b BREAK c (d:1.5)"), expected, atol=1e-5, rtol=1e-5)


def test_a_short_negative_prompt_is_filled_up_with_empty_chunks(tiny_stages: Stages) -> None:
    """So a long prompt against no negative one is the same as against one that says BREAK."""
    settings: dict[str, Any] = {"prompt": " ".join(LONG), "guidance_scale": 4.0}
    plain = make(tiny_stages, (64, 64), negative_prompt="", **settings)
    spelled = make(tiny_stages, (64, 64), negative_prompt="BREAK BREAK", **settings)
    assert (plain == spelled).all()


def test_tokens_know_their_places(clip: Clip) -> None:
    reading = chunks.read(clip[0], "a b BREAK c")
    assert reading.tokens == ("a", "b", "c")
    assert reading.places == (1, 2, TOKENS + 1)

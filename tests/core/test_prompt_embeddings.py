"""Textual inversion: exact embeddings against diffusers' own loader, and files that are none."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.loaders.textual_inversion import TextualInversionLoaderMixin
from safetensors.torch import save_file
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from backends.core.contract import InvalidRequest, Stages
from tests.tiny_models import TOKENS

WIDTH = 32


@pytest.fixture(scope="module")
def vectors() -> torch.Tensor:
    return torch.randn(3, WIDTH, generator=torch.Generator().manual_seed(1))


def save(file: Path, vectors: torch.Tensor) -> Path:
    if file.suffix == ".safetensors":
        save_file({"emb_params": vectors}, file)
    elif file.suffix == ".pt":
        torch.save({"string_to_token": {"*": 265}, "string_to_param": {"*": vectors}, "name": "x"}, file)
    else:
        torch.save({"<mine>": vectors}, file)
    return file


class Reference(TextualInversionLoaderMixin):
    """A tokenizer and an encoder with the words that diffusers' loader puts into them."""

    def __init__(self, model: Path, vectors: torch.Tensor, word: str) -> None:
        loaded: Any = CLIPTextModel.from_pretrained(str(model / "text_encoder"))
        self.text_encoder = loaded.eval()
        self.tokenizer: Any = CLIPTokenizer.from_pretrained(str(model / "tokenizer"))
        words = [word, *(f"{word}_{number}" for number in range(1, len(vectors)))]
        self.tokenizer.add_tokens(words)
        self.text_encoder.resize_token_embeddings(len(self.tokenizer), mean_resizing=False)
        rows = self.text_encoder.get_input_embeddings().weight.data
        rows[self.tokenizer.convert_tokens_to_ids(words)] = vectors

    @torch.no_grad()
    def encode(self, text: str) -> torch.Tensor:
        spelled = self.maybe_convert_prompt(text, self.tokenizer)
        read = self.tokenizer(spelled, padding="max_length", max_length=TOKENS, return_tensors="pt")
        return self.text_encoder(read.input_ids).last_hidden_state


@pytest.mark.parametrize("ending", [".safetensors", ".pt", ".bin"])
def test_embeddings_are_those_of_diffusers(
    tiny_model: Path, tiny_stages: Any, tmp_path: Path, vectors: torch.Tensor, ending: str
) -> None:
    reference = Reference(tiny_model, vectors, "mystyle")
    tiny_stages.use_embeddings({"mystyle": save(tmp_path / f"mystyle{ending}", vectors)})
    ours = tiny_stages.encode_text("a fox MyStyle b", 0)
    tiny_stages.use_embeddings({})
    expected = reference.encode("a fox mystyle b")
    torch.testing.assert_close(ours.tensors["encoder_hidden_states"], expected, atol=1e-5, rtol=1e-5)
    assert ours.tokens[4:7] == ("mystyle",) * 3


class Payload:
    def __reduce__(self) -> Any:
        return (exec, ("raise SystemExit('it ran')",))


def test_what_is_no_embedding_is_said(tiny_stages: Any, tmp_path: Path) -> None:
    wide = save(tmp_path / "wide.safetensors", torch.zeros(2, 99))
    evil, damaged = tmp_path / "evil.pt", tmp_path / "damaged.bin"
    evil.write_bytes(pickle.dumps({"string_to_param": Payload()}))
    damaged.write_bytes(b"no")
    other = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(1), "b": torch.zeros(1)}, other)
    for file, words in {
        wide: "its vectors have 99 numbers, and this model's 32",
        evil: "holds more than numbers",
        damaged: "is damaged",
        other: "holds no embedding",
    }.items():
        with pytest.raises(InvalidRequest) as caught:
            tiny_stages.use_embeddings({"word": file})
        assert words in str(caught.value)


def test_an_ordinary_prompt_stays_what_it_was(
    tiny_stages: Any, tmp_path: Path, vectors: torch.Tensor
) -> None:
    stages: Stages = tiny_stages
    before = stages.encode_text("a fox", 0).tensors["encoder_hidden_states"]
    tiny_stages.use_embeddings({"mystyle": save(tmp_path / "mystyle.pt", vectors)})
    assert torch.equal(stages.encode_text("a fox", 0).tensors["encoder_hidden_states"], before)
    tiny_stages.use_embeddings({})

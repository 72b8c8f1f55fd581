"""Language models as text encoders: their hidden states against transformers' own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers.models.qwen3.modeling_qwen3 import Qwen3ForCausalLM

from backends.core.language_models import is_language_model
from backends.core.llm_encoder import LanguageModelEncoder
from backends.core.llm_text import read
from backends.core.model_folder import ModelFolder
from backends.core.parts import load_plain
from backends.core.tokenizers import load_tokenizer
from tests.mps_guard import MpsGuard
from tests.tiny_qwen import WIDTH, write_qwen

CPU = torch.device("cpu")
BEFORE, AFTER = "<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n"


@pytest.fixture(scope="module", params=["Qwen3Model", "Qwen3ForCausalLM"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("model")
    return ModelFolder(path, write_qwen(path, named=request.param), {"text_encoder": {}}, {})


@pytest.fixture(scope="module")
def encoder(folder: ModelFolder) -> LanguageModelEncoder:
    module = load_plain(folder, "text_encoder", CPU, torch.float32)
    return LanguageModelEncoder(lambda: module, CPU)


@pytest.fixture(scope="module")
def reference(folder: ModelFolder) -> Callable[..., Any]:
    model: Any = Qwen3ForCausalLM.from_pretrained(folder.path / "text_encoder")
    return lambda ids, mask: model(ids, attention_mask=mask, output_hidden_states=True)


@torch.inference_mode()
def test_any_layers_are_given_side_by_side(
    folder: ModelFolder, encoder: LanguageModelEncoder, reference: Callable[..., Any]
) -> None:
    reading = read(load_tokenizer(folder), "a panda", BEFORE, AFTER, 64)
    hidden = reference(reading.ids, reading.mask).hidden_states
    expected = torch.cat([hidden[0], hidden[2], hidden[-2]], dim=-1)
    found = encoder.layers(reading.ids, reading.mask, (0, 2, -2))
    assert is_language_model(folder, "text_encoder")
    assert found.shape == (1, 64, 3 * WIDTH)
    assert torch.allclose(found, expected, atol=1e-5)
    assert torch.allclose(encoder(reading.ids, reading.mask, 0), hidden[-1], atol=1e-5)


@torch.inference_mode()
def test_what_follows_changes_nothing_before(folder: ModelFolder, encoder: LanguageModelEncoder) -> None:
    """So a prompt that is filled up and one that is not are the same to a model of its tokens alone."""
    reading = read(load_tokenizer(folder), "a panda", BEFORE, AFTER, 64)
    length = int(reading.mask.sum())
    filled = encoder.layers(reading.ids, reading.mask, (-2,))[:, :length]
    alone = encoder.layers(reading.ids[:, :length], None, (-2,))
    assert torch.allclose(filled, alone, atol=1e-5)


def test_the_prompt_is_a_turn_of_a_chat(folder: ModelFolder) -> None:
    tokenizer = load_tokenizer(folder)
    turn = [{"role": "user", "content": "a cat"}]
    written = tokenizer.apply_chat_template(
        turn, tokenize=False, add_generation_prompt=True, enable_thinking=True
    )
    reading = read(tokenizer, "a cat", BEFORE, AFTER, 40)
    assert tokenizer(written).input_ids == reading.ids[reading.mask.bool()].tolist()
    assert "".join(reading.tokens).replace(" ", "") == "acat"
    assert reading.cut == ()


def test_attention_never_relies_on_is_causal(encoder: LanguageModelEncoder) -> None:
    """Which leaks later tokens on Apple's GPU in half precision; and all it computes runs there."""
    with torch.inference_mode(), MpsGuard() as guard, pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.functional, "scaled_dot_product_attention", _explicit)
        encoder.layers(torch.tensor([[1, 2, 3]]), None, (-2,))
    assert not [fault for fault in guard.faults if "flash" not in fault]


_attention = torch.nn.functional.scaled_dot_product_attention


def _explicit(*arguments: Any, is_causal: bool = False, attn_mask: Any = None, **others: Any) -> Any:
    assert not is_causal
    assert attn_mask is not None
    return _attention(*arguments, attn_mask=attn_mask, **others)


def test_a_model_of_another_size_is_refused(tmp_path: Path) -> None:
    from backends.core.contract import BrokenModel

    index = write_qwen(tmp_path)
    config = tmp_path / "text_encoder/config.json"
    config.write_text(config.read_text().replace('"hidden_size": 32', '"hidden_size": 64'))
    with pytest.raises(BrokenModel, match="can't be loaded as Qwen3Model"):
        load_plain(ModelFolder(tmp_path, index, {}, {}), "text_encoder", CPU, torch.float32)

"""A small random Qwen3 and its tokenizer in the layout of diffusers, for the families that read with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import pre_tokenizers
from transformers.models.qwen2.tokenization_qwen2 import Qwen2Tokenizer
from transformers.models.qwen3.configuration_qwen3 import Qwen3Config
from transformers.models.qwen3.modeling_qwen3 import Qwen3ForCausalLM

WIDTH = 32
_MARKS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>")
_TEMPLATE = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}"
    "{%- endif %}{%- endif %}"
)
"""What Qwen3's own template makes of a first question."""


def write_qwen(folder: Path, *, layers: int = 3, named: str = "Qwen3Model") -> dict[str, Any]:
    """Writes text_encoder/, whose weights are named as with a head, and tokenizer/; gives their index."""
    make_config: Any = Qwen3Config
    config = make_config(
        vocab_size=300, hidden_size=WIDTH, intermediate_size=48, num_hidden_layers=layers, head_dim=8,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=1024, tie_word_embeddings=True,
    )  # fmt: skip
    Qwen3ForCausalLM(config).save_pretrained(folder / "text_encoder")
    _write_tokenizer(folder / "tokenizer")
    return {"text_encoder": ["transformers", named], "tokenizer": ["transformers", "Qwen2Tokenizer"]}


def _write_tokenizer(folder: Path) -> None:
    """A token for each byte, and the marks of a chat."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: number for number, letter in enumerate(letters)}
    tokenizer: Any = Qwen2Tokenizer(vocab=vocabulary, merges=[])
    tokenizer.add_special_tokens({"additional_special_tokens": list(_MARKS)})
    tokenizer.chat_template = _TEMPLATE
    tokenizer.save_pretrained(folder)
    assert json.loads((folder / "tokenizer_config.json").read_text())["tokenizer_class"] == "Qwen2Tokenizer"

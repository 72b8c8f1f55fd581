"""Qwen3's vocabulary, which single files don't hold. From Qwen3 (Apache-2.0), see NOTICE."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from convert.source.vocabulary import byte_letters

_MERGES = Path(__file__).parents[1] / "data" / "qwen_merges.txt.gz"
_END = "<|endoftext|>"
_SPECIAL = (
    _END, "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>",
    "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
    "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip
_PLAIN = (
    "<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>",
    "<|repo_name|>", "<|file_sep|>", "<tool_response>", "</tool_response>", "<think>", "</think>",
)  # fmt: skip
"""Marks that are one token each, in the order of their numbers, behind the words."""
_CHAT = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}"
    "{%- if enable_thinking is defined and not enable_thinking %}{{- '<think>\\n\\n</think>\\n\\n' }}"
    "{%- endif %}{%- endif %}"
)
"""A chat of plain messages, without tools: enough for other programs that open the folder."""


def write_tokenizer(folder: Path) -> None:
    """Writes a Qwen2Tokenizer's files: words and merges byte for byte as Qwen3 of every size has them."""
    folder.mkdir(parents=True, exist_ok=True)
    merges = gzip.decompress(_MERGES.read_bytes()).decode("utf-8")
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}", encoding="utf-8", newline="\n")
    words = vocabulary(merges.splitlines())
    told = json.dumps(words, ensure_ascii=False, separators=(",", ":"))
    (folder / "vocab.json").write_text(told, encoding="utf-8")
    config = {
        "tokenizer_class": "Qwen2Tokenizer",
        "model_max_length": 131_072,
        "eos_token": "<|im_end|>",
        "pad_token": _END,
        "unk_token": None,
        "bos_token": None,
        "clean_up_tokenization_spaces": False,
        "additional_special_tokens": list(_SPECIAL[1:]),
        "added_tokens_decoder": _marks(len(words)),
        "chat_template": _CHAT,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")


def vocabulary(merges: list[str]) -> dict[str, int]:
    """Each token's number: bytes, then merges in their order."""
    words = [*byte_letters(), *("".join(merge.split(" ")) for merge in merges)]
    return {word: number for number, word in enumerate(words)}


def _marks(first: int) -> dict[str, dict[str, Any]]:
    plain = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    return {
        str(first + number): {"content": mark, "special": mark in _SPECIAL, **plain}
        for number, mark in enumerate((*_SPECIAL, *_PLAIN))
    }

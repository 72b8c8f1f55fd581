"""The vocabulary that comes with the program reads as Qwen3's own tokenizer does."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from transformers.models.qwen2.tokenization_qwen2 import Qwen2Tokenizer

from convert.source.qwen_vocabulary import write_tokenizer

TEXT = (
    "<|im_start|>user\nDon't  stop\n\n é́ 你好，世界 😀 12345<|im_end|>\n"
    "<|im_start|>assistant\n<think>\n\n</think>\n\n"
)
IDS = [
    151644, 872, 198, 8002, 944, 220, 2936, 271, 3958, 53839, 220, 108386, 3837, 99489, 90316, 220, 16, 17,
    18, 19, 20, 151645, 198, 151644, 77091, 198, 151667, 271, 151668, 271,
]  # fmt: skip
"""What the tokenizer.json of Qwen3 (SHA-256 aeb13307...) makes of the text."""

PUBLISHED = {
    "vocab.json": "ca10d7e9fb3ed18575dd1e277a2579c16d108e32f27439684afa0e10b1440910",
    "merges.txt": "8831e4f1a044471340f7c0a83d7bd71306a5b867e95fd870f74d0c5308a904d5",
}
"""The SHA-256 of Qwen3's files on the hub."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("qwen") / "tokenizer"
    write_tokenizer(place)
    return place


def test_it_reads_as_qwens_own(folder: Path) -> None:
    tokenizer: Any = Qwen2Tokenizer.from_pretrained(str(folder), local_files_only=True)
    assert tokenizer(TEXT).input_ids == IDS
    assert len(tokenizer) == 151_669
    assert (tokenizer.pad_token_id, tokenizer.eos_token_id) == (151_643, 151_645)
    chat = [{"role": "user", "content": "x"}]
    told = tokenizer.apply_chat_template(
        chat, tokenize=False, add_generation_prompt=True, enable_thinking=False
    )
    assert told == "<|im_start|>user\nx<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"


def test_it_is_the_published_vocabulary(folder: Path) -> None:
    words = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    assert len(words) == 151_643
    assert (words["!"], words["Ġthe"], words["Ġ"]) == (0, 279, 220)
    for name, digest in PUBLISHED.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest

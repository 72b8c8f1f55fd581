"""CLIP's vocabulary, which single files don't hold. From OpenAI's CLIP (MIT), see NOTICE."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

_MERGES = Path(__file__).parents[1] / "data" / "clip_merges.txt.gz"
BEGIN, END = "<|startoftext|>", "<|endoftext|>"


def write_tokenizer(folder: Path, version: str) -> None:
    """Writes a CLIPTokenizer's files; version 2.x (OpenCLIP) pads with "!", which is token 0."""
    folder.mkdir(parents=True)
    merges = gzip.decompress(_MERGES.read_bytes()).decode("utf-8")
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}", encoding="utf-8", newline="\n")
    words = vocabulary(merges.splitlines())
    (folder / "vocab.json").write_text(json.dumps(words, ensure_ascii=False), encoding="utf-8")
    config = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": 77,
        "bos_token": BEGIN,
        "eos_token": END,
        "unk_token": END,
        "pad_token": "!" if version == "2.x" else END,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1))


def vocabulary(merges: list[str]) -> dict[str, int]:
    """Each token's number: bytes, bytes that end a word, merges in their order, begin and end."""
    letters = byte_letters()
    joined = ["".join(merge.split()) for merge in merges]
    words = [*letters, *(f"{letter}</w>" for letter in letters), *joined, BEGIN, END]
    return {word: number for number, word in enumerate(words)}


def byte_letters() -> list[str]:
    """A visible letter for each byte, in the order of GPT-2's table: those that are visible first."""
    visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    return [chr(n) for n in visible] + [chr(256 + n) for n in range(256 - len(visible))]

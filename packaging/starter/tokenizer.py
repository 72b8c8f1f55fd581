"""Train the tokenizer: python packaging/starter/tokenizer.py --work WORK

CLIP's byte-level pair encoding, trained so that every word of the grammar is one token. All 256 bytes are
in the vocabulary, so any text can be encoded.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from captions import vocabulary

START, END = "<|startoftext|>", "<|endoftext|>"
END_OF_WORD = "</w>"
TOKENS = 32


def grammar_words() -> list[str]:
    """Every word that captions are made of."""
    return sorted({word for phrase in vocabulary() for word in re.findall("[a-z]+", phrase.lower())})


def train_merges(words: list[str]) -> list[tuple[str, str]]:
    """The pairs to merge, until each of the words is one token."""
    model = Tokenizer(models.BPE(end_of_word_suffix=END_OF_WORD))
    model.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(
        vocab_size=20000, min_frequency=1, end_of_word_suffix=END_OF_WORD, show_progress=False
    )
    model.train_from_iterator(words, trainer)
    return [tuple(pair) for pair in json.loads(model.to_str())["model"]["merges"]]


def token_numbers(merges: list[tuple[str, str]]) -> dict[str, int]:
    """CLIP's order: bytes, bytes that end a word, merges, and the two special tokens."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merged = [left + right for left, right in merges]
    tokens = [*letters, *(letter + END_OF_WORD for letter in letters), *merged, START, END]
    return {token: number for number, token in enumerate(dict.fromkeys(tokens))}


def write_tokenizer(folder: Path) -> None:
    """vocab.json and merges.txt, and the other files that transformers keeps beside them.

    An older folder goes first: its tokenizer.json would be read instead of the new vocabulary, and equally
    frequent pairs may be merged in another order each time.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    merges = train_merges(grammar_words())
    vocab, rules = folder / "vocab.json", folder / "merges.txt"
    vocab.write_text(json.dumps(token_numbers(merges), ensure_ascii=False))
    rules.write_text("\n".join(["#version: 0.2", *(f"{left} {right}" for left, right in merges)]) + "\n")
    CLIPTokenizer.from_pretrained(folder, model_max_length=TOKENS, pad_token=END).save_pretrained(folder)
    drop_settings(folder / "tokenizer_config.json", "is_local", "local_files_only")


def drop_settings(path: Path, *names: str) -> None:
    """Take settings that say how a tokenizer was loaded out of its file."""
    settings = {key: value for key, value in json.loads(path.read_text()).items() if key not in names}
    path.write_text(json.dumps(settings, indent=2) + "\n")


def split_words(tokenizer: CLIPTokenizer) -> list[str]:
    """The grammar's words that are not one token (there should be none)."""
    return [word for word in grammar_words() if len(tokenizer(word)["input_ids"]) != 3]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    folder = parser.parse_args().work / "tokenizer"
    write_tokenizer(folder)
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    print(f"{len(tokenizer)} tokens; words that are not one token: {split_words(tokenizer) or 'none'}")


if __name__ == "__main__":
    main()

"""Words that count more or less."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from backends.core.emphasis import Weighted, read_weights, token_weights, weigh, without_weights


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("a fox", [("a fox", 1.0)]),
        ("a (red:1.2) fox", [("a ", 1.0), ("red", 1.2), (" fox", 1.0)]),
        ("(a:0.5)(b:20)", [("a", 0.5), ("b", 10.0)]),
        ("a (small) fox :) (x:y)", [("a (small) fox :) (x:y)", 1.0)]),
        ("", []),
    ],
)
def test_reading(text: str, pieces: list[tuple[str, float]]) -> None:
    found = read_weights(text)
    assert found == [Weighted(*piece) for piece in pieces]
    assert without_weights(found) == "".join(piece for piece, _ in pieces)


def letters(text: str, **_: Any) -> Any:
    """A tokenizer for which every letter is a token."""
    return SimpleNamespace(input_ids=[ord(letter) for letter in text if letter != " "])


def test_every_token_has_the_weight_of_its_words() -> None:
    pieces = read_weights("a (bc:2) d")
    assert token_weights(letters, pieces, 8) == [1, 1, 2, 2, 1, 1, 1, 1]
    assert token_weights(letters, pieces, 4) == [1, 1, 2, 1]


def test_words_move_away_from_the_empty_prompt() -> None:
    hidden, empty = torch.arange(1.0, 13.0).reshape(1, 4, 3), torch.ones(1, 4, 3)
    weighted = weigh(hidden, empty, [1.0, 2.0, 0.0, 1.0])
    assert torch.equal(weighted[:, [0, 3]], hidden[:, [0, 3]])
    assert torch.equal(weighted[:, 1] - empty[:, 1], 2 * (hidden[:, 1] - empty[:, 1]))
    assert torch.equal(weighted[:, 2], empty[:, 2])

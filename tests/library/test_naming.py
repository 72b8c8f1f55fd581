"""File names: readable, and allowed everywhere."""

from __future__ import annotations

import datetime
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.library.naming import picture_stem, slug

DAY = datetime.date(2026, 11, 22)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a panda eating tacos at the beach", "a-panda-eating-tacos-at-the-beach"),
        ("A Fox, in the SNOW!!", "a-fox-in-the-snow"),
        ("the fox's den", "the-foxs-den"),
        ("панда и тако", "панда-и-тако"),
        ("हिन्दी में", "हिन्दी-में"),
        ("🐼🌮", ""),
        ("❤️ love", "love"),
        ("", ""),
        ("../../etc/passwd", "etc-passwd"),
        ("CON", "con"),
        ("word " * 30, "word-word-word-word-word-word-word-word-word"),
    ],
)
def test_slugs(prompt: str, expected: str):
    assert slug(prompt) == expected


def test_a_name_is_date_seed_and_prompt():
    assert picture_stem(DAY, 1234, "a fox") == "2026-11-22-1234-a-fox"
    assert picture_stem(DAY, 1234, "") == "2026-11-22-1234"


@given(st.text(max_size=2000), st.integers(0, 2**63 - 1))
def test_any_prompt_makes_a_safe_name(prompt: str, seed: int):
    stem = picture_stem(DAY, seed, prompt)
    assert len(stem.encode()) < 140
    assert not re.search(r'[\x00-\x1f<>:"/\\|?*\s]', stem)
    assert not stem.endswith((".", " ", "-"))

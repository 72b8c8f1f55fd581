"""File names: readable, and allowed everywhere."""

from __future__ import annotations

import datetime
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.library.naming import (
    DEFAULT_TEMPLATE,
    NameParts,
    check_template,
    fill_template,
    picture_stem,
    slug,
)

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


PARTS = NameParts(
    moment=datetime.datetime(2026, 11, 22, 9, 5, 7),
    seed=1234,
    prompt="A fox, in the snow",
    model="Dream Shaper",
    width=512,
    height=640,
    steps=20,
    sampler="euler_a",
    guidance=7.5,
    count=3,
)


@pytest.mark.parametrize(
    ("template", "stem"),
    [
        (DEFAULT_TEMPLATE, "2026-11-22-1234-a-fox-in-the-snow"),
        ("{time} {model} {count}", "09-05-07 dream-shaper 3"),
        ("{width}x{height} {steps} {sampler} {guidance}", "512x640 20 euler-a 7.5"),
        ("../{seed}/..\\x", "1234-..-x"),
        ("CON{sampler}", "CONeuler-a"),
        ("", "2026-11-22-1234-a-fox-in-the-snow"),
        (" . ", "2026-11-22-1234-a-fox-in-the-snow"),
        ("aux.{seed}", "_aux.1234"),
        ("{nothing}{seed}", "1234"),
    ],
)
def test_templates(template: str, stem: str):
    assert fill_template(template, PARTS) == stem


def test_a_long_prompt_gives_way_before_the_rest():
    long = replace(PARTS, prompt="wordword " * 20)
    stem = fill_template("x" * 90 + "{prompt}-{seed}", long)
    assert stem.endswith("-1234")
    assert len(fill_template("y" * 500 + "{seed}", long)) == 140


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_template_makes_a_safe_name(template: str, prompt: str):
    stem = fill_template(template, replace(PARTS, prompt=prompt))
    assert 0 < len(stem.encode("utf-8", "replace")) <= 141
    assert not re.search(r'[\x00-\x1f<>:"/\\|?*]', stem)
    assert not stem.endswith((".", " "))


@pytest.mark.parametrize(
    ("template", "wrong"),
    [("{date} {seed}", None), ("{sead}", "sead"), ("{seed", "brace"), ("plain", "at least one")],
)
def test_templates_are_checked(template: str, wrong: str | None):
    sentence = check_template(template)
    assert (sentence is None) if wrong is None else (sentence is not None and wrong in sentence)

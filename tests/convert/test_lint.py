"""The Neural Engine lint: each rule finds what it is for, with layer and remedy, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from convert.lint_neural_engine_rules import Effect, Finding, lint, weight_bytes, weights
from convert.lint_neural_engine_values import lint_values
from convert.mil_reference import Constant, Network, Program, from_program
from tests.convert.mil_cases import normal
from tests.convert.mil_programs import build_program

Build = Callable[..., Any]
_FILTER = normal(16, 8, 1, 1).astype(np.float16)
_DILATED = normal(8, 8, 3, 3).astype(np.float16)
_EMBEDDING = normal(30, 64).astype(np.float16)


def program(build: Build, *shapes: tuple[int, ...], dtype: str = "fp16") -> Program:
    inputs = {f"x{place}": np.zeros(shape, np.float32) for place, shape in enumerate(shapes)}
    return from_program(build_program(build, inputs, "iOS18", dtype))


def good(mb: Any, x: Any) -> Any:
    """A layer as the engine likes it: fp16, rank 4, a last axis of 64 elements."""
    return mb.conv(x=x, weight=_FILTER, name="good")


def looked_up(mb: Any, x: Any) -> Any:
    return mb.gather(x=_EMBEDDING, indices=mb.cast(x=x, dtype="int32"), axis=0, name="bad")


CASES: list[tuple[str, Build, tuple[tuple[int, ...], ...], str, Effect, str]] = [
    ("rank", lambda mb, x: mb.softmax(x=x, axis=1, name="bad"), ((2, 8, 64),), "fp16", Effect.SLOW, "rank 3"),
    (
        "rank",
        lambda mb, x: mb.relu(x=x, name="bad"),
        ((1, 1, 2, 1, 2, 64),),
        "fp16",
        Effect.FALLBACK,
        "rank 6",
    ),
    ("dtype", lambda mb, x: mb.relu(x=x, name="bad"), ((1, 8, 1, 64),), "fp32", Effect.FALLBACK, "fp32"),
    (
        "alignment",
        lambda mb, x: mb.relu(x=x, name="bad"),
        ((1, 512, 8, 2),),
        "fp16",
        Effect.SLOW,
        "16.0 times",
    ),
    (
        "channels",
        lambda mb, x: mb.conv(x=x, weight=_FILTER[:3], name="bad"),
        ((1, 8, 24, 64),),
        "fp16",
        Effect.SLOW,
        "3 channels, computed as 16: 5.3 times",
    ),
    ("sides", lambda mb, x: mb.relu(x=x, name="bad"), ((1, 1, 1, 16416),), "fp16", Effect.FALLBACK, "16416"),
    ("operations", looked_up, ((1, 64),), "fp16", Effect.FALLBACK, "gather runs on the CPU"),
    (
        "operations",
        lambda mb, x: mb.conv(x=x, weight=_DILATED, dilations=[2, 2], name="bad"),
        ((1, 8, 12, 68),),
        "fp16",
        Effect.FALLBACK,
        "dilated",
    ),
    (
        "attention",
        lambda mb, q, k: mb.matmul(x=q, y=k, transpose_y=True, name="bad"),
        ((2, 8, 1024, 32), (2, 8, 96, 32)),
        "fp16",
        Effect.FALLBACK,
        "8 heads over 1024 tokens",
    ),
    (
        "constants",
        lambda mb, x: mb.add(x=x, y=np.full((1, 1, 8, 64), -np.inf, np.float16), name="bad"),
        ((1, 1, 8, 64),),
        "fp16",
        Effect.WRONG,
        "infinity",
    ),
]


@pytest.mark.parametrize(("rule", "build", "shapes", "dtype", "effect", "why"), CASES)
def test_rule_names_layer_reason_remedy_and_source(
    rule: str, build: Build, shapes: tuple[tuple[int, ...], ...], dtype: str, effect: Effect, why: str
) -> None:
    found = lint(program(build, *shapes, dtype=dtype))
    assert [(each.rule, each.layer, each.effect) for each in found] == [(rule, "bad", effect)]
    assert why in found[0].why
    assert found[0].remedy.endswith(".")
    assert found[0].source


def test_what_the_engine_likes_has_no_findings() -> None:
    assert lint(program(good, (1, 8, 4, 64))) == []


def test_attention_by_head_and_over_few_tokens_is_fine() -> None:
    def products(mb: Any, q: Any, k: Any) -> Any:
        return mb.matmul(x=q, y=k, transpose_y=True, name="scores")

    assert lint(program(products, (2, 1, 4096, 64), (2, 1, 96, 64))) == []
    assert lint(program(products, (2, 8, 96, 64), (2, 8, 96, 64))) == []


def test_open_sizes_are_found_and_enumerated_ones_are_not() -> None:
    fixed = program(good, (1, 8, 4, 64))
    value = next(iter(fixed.inputs.values()))
    opened = replace(fixed, inputs={value.name: replace(value, shape=(1, 8, None, 64))})
    assert [(each.rule, each.layer) for each in lint(opened)] == [("flexible", value.name)]
    listed = replace(opened, allowed_shapes={value.name: ((1, 8, 4, 64), (1, 8, 6, 64))})
    assert lint(listed) == []


def test_packages_over_a_gigabyte_are_found_by_stored_bits() -> None:
    fixed = program(good, (1, 8, 4, 64))
    indices = np.broadcast_to(np.uint8(0), (1_500_000_000,))
    big = {10_000: Constant(10_000, "indices", "uint6", indices.shape, indices)}
    assert weight_bytes(fixed) < 1000
    found = list(weights(replace(fixed, constants={**fixed.constants, **big})))
    assert [each.rule for each in found] == ["weights"]
    assert "1.13 GB" in found[0].why
    four = {10_000: replace(big[10_000], dtype="uint4")}
    assert list(weights(replace(fixed, constants={**fixed.constants, **four}))) == []


def squares(mb: Any, x: Any) -> Any:
    return mb.relu(x=mb.square(x=x, name="square"), name="relu")


@pytest.mark.parametrize(
    ("value", "effect"), [(1.0, None), (170.0, None), (200.0, Effect.RISK), (300.0, Effect.WRONG)]
)
def test_values_beyond_fp16_are_found_on_the_activations_themselves(
    value: float, effect: Effect | None
) -> None:
    x = np.full((1, 8, 4, 64), value, np.float32)
    found: list[Finding] = list(lint_values(Network(program(squares, x.shape)), {"x0": x}))
    assert [each.layer for each in found] == ([] if effect is None else ["square", "relu"])
    assert {each.effect for each in found} <= {effect}


def test_networks_in_fp32_may_have_any_values() -> None:
    x = np.full((1, 8, 4, 64), 1e6, np.float32)
    assert list(lint_values(Network(program(squares, x.shape, dtype="fp32")), {"x0": x})) == []

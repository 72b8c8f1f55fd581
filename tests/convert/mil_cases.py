"""One case or more for each operation that the MIL interpreter claims: a program, and what torch makes of it.

Shapes are odd on purpose: no two sizes alike, few powers of two, so that a swapped axis can't hide.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

_RANDOM = np.random.default_rng(7)


@dataclass(frozen=True)
class Case:
    """`build(mb, *inputs)` makes the program; `expect(*inputs)`, in float64, its results."""

    kind: str
    inputs: tuple[np.ndarray[Any, Any], ...]
    build: Callable[..., Any]
    expect: Callable[..., Tensor | tuple[Tensor, ...]]
    opset: str = "iOS15"
    note: str = field(default="", kw_only=True)


def normal(*shape: int) -> np.ndarray[Any, Any]:
    return _RANDOM.standard_normal(shape).astype(np.float32)


def positive(*shape: int) -> np.ndarray[Any, Any]:
    return np.abs(normal(*shape)) + np.float32(0.1)


def whole(low: int, high: int, *shape: int) -> np.ndarray[Any, Any]:
    return _RANDOM.integers(low, high, shape).astype(np.int32)


def f64(array: Any) -> Tensor:
    return torch.as_tensor(np.asarray(array, dtype=np.float64))


def unary(kind: str, expect: Callable[[Tensor], Tensor], data: np.ndarray[Any, Any]) -> Case:
    return Case(kind, (data,), lambda mb, x: getattr(mb, kind)(x=x), expect)


def binary(kind: str, expect: Callable[..., Tensor], make: Callable[..., Any] = normal) -> Case:
    data = (make(3, 1, 5), make(7, 5))
    return Case(kind, data, lambda mb, x, y: getattr(mb, kind)(x=x, y=y), expect)


def compare(kind: str, expect: Callable[..., Tensor]) -> Case:
    data = (whole(0, 3, 3, 1, 5), whole(0, 3, 7, 5))
    return Case(kind, data, lambda mb, x, y: getattr(mb, kind)(x=x, y=y), expect)


def logic(kind: str, expect: Callable[..., Tensor]) -> Case:
    data = (whole(0, 2, 3, 1, 5), whole(0, 2, 7, 5))

    def build(mb: Any, x: Any, y: Any) -> Any:
        return getattr(mb, kind)(x=mb.cast(x=x, dtype="bool"), y=mb.cast(x=y, dtype="bool"))

    return Case(kind, data, build, lambda x, y: expect(x.bool(), y.bool()))


def reduction(kind: str, expect: Callable[[Tensor], Tensor], **options: Any) -> Case:
    return Case(kind, (normal(3, 5, 7),), lambda mb, x: getattr(mb, kind)(x=x, **options), expect)


ELEMENTWISE = [
    unary("abs", torch.abs, normal(3, 5)),
    unary("ceil", torch.ceil, normal(3, 5)),
    unary("cos", torch.cos, 9 * normal(3, 5)),
    unary("erf", torch.erf, normal(3, 5)),
    unary("exp", torch.exp, normal(3, 5)),
    unary("exp2", torch.exp2, normal(3, 5)),
    unary("floor", torch.floor, normal(3, 5)),
    unary("identity", lambda x: x, normal(3, 5)),
    unary("round", torch.round, np.array([0.5, 1.5, -0.5, 2.4], np.float32)),
    unary("sign", torch.sign, whole(-1, 2, 3, 5).astype(np.float32)),
    unary("sin", torch.sin, 9 * normal(3, 5)),
    unary("sqrt", torch.sqrt, positive(3, 5)),
    unary("square", lambda x: x * x, normal(3, 5)),
    unary("tanh", torch.tanh, normal(3, 5)),
    unary("log", torch.log, positive(3, 5)),
    unary("rsqrt", lambda x: x**-0.5, positive(3, 5)),
    Case("inverse", (positive(3, 5),), lambda mb, x: mb.inverse(x=x, epsilon=0.25), lambda x: 1 / (x + 0.25)),
    Case("log", (positive(3, 5),), lambda mb, x: mb.log(x=x, epsilon=0.5), lambda x: (x + 0.5).log()),
    Case("rsqrt", (positive(3, 5),), lambda mb, x: mb.rsqrt(x=x, epsilon=0.5), lambda x: (x + 0.5) ** -0.5),
    Case(
        "clip",
        (normal(3, 5),),
        lambda mb, x: mb.clip(x=x, alpha=-0.3, beta=0.7),
        lambda x: x.clamp(-0.3, 0.7),
    ),
    Case(
        "threshold", (normal(3, 5),), lambda mb, x: mb.threshold(x=x, alpha=0.2), lambda x: x.clamp_min(0.2)
    ),
    binary("add", lambda x, y: x + y),
    binary("sub", lambda x, y: x - y),
    binary("mul", lambda x, y: x * y),
    binary("real_div", lambda x, y: x / y, positive),
    binary("floor_div", lambda x, y: (x / y).floor(), positive),
    binary("mod", lambda x, y: x - (x / y).floor() * y, positive),
    binary("pow", lambda x, y: (y * x.log()).exp(), positive),
    binary("maximum", lambda x, y: torch.where(x > y, x, y)),
    binary("minimum", lambda x, y: torch.where(x > y, y, x)),
    compare("equal", lambda x, y: x == y),
    compare("not_equal", lambda x, y: x != y),
    compare("greater", lambda x, y: x > y),
    compare("greater_equal", lambda x, y: x >= y),
    compare("less", lambda x, y: x < y),
    compare("less_equal", lambda x, y: x <= y),
    logic("logical_and", lambda x, y: x & y),
    logic("logical_or", lambda x, y: x | y),
    logic("logical_xor", lambda x, y: x ^ y),
    Case(
        "logical_not",
        (whole(0, 2, 3, 5),),
        lambda mb, x: mb.logical_not(x=mb.cast(x=x, dtype="bool")),
        lambda x: x == 0,
    ),
    Case("cast", (9 * normal(3, 5),), lambda mb, x: mb.cast(x=x, dtype="int32"), lambda x: x.trunc().long()),
    Case(
        "cast",
        (whole(0, 200, 3, 5),),
        lambda mb, x: mb.cast(x=mb.cast(x=x, dtype="uint8"), dtype="fp32"),
        lambda x: x.double(),
        "iOS17",
        note="8 bits",
    ),
    Case(
        "select",
        (whole(0, 2, 3, 5), normal(3, 5), normal(3, 5)),
        lambda mb, c, a, b: mb.select(cond=mb.cast(x=c, dtype="bool"), a=a, b=b),
        lambda c, a, b: c * a + (1 - c) * b,
    ),
]

ACTIVATIONS = [
    unary("relu", lambda x: x.clamp_min(0), normal(3, 5)),
    unary("sigmoid", lambda x: 1 / (1 + (-x).exp()), normal(3, 5)),
    unary("silu", lambda x: x / (1 + (-x).exp()), normal(3, 5)),
    unary("softplus", lambda x: (1 + x.exp()).log(), 4 * normal(3, 5)),
    Case(
        "leaky_relu",
        (normal(3, 5),),
        lambda mb, x: mb.leaky_relu(x=x, alpha=0.1),
        lambda x: torch.where(x > 0, x, 0.1 * x),
    ),
    *(
        Case(
            "softmax",
            (5 * normal(2, 3, 5, 7),),
            lambda mb, x, axis=axis: mb.softmax(x=x, axis=axis),
            lambda x, axis=axis: x.exp() / x.exp().sum(axis, keepdim=True),
        )
        for axis in (1, -1)
    ),
    *(
        Case("gelu", (2 * normal(3, 5),), lambda mb, x, mode=mode: mb.gelu(x=x, mode=mode), expect, note=mode)
        for mode, expect in {
            "EXACT": lambda x: 0.5 * x * (1 + torch.erf(x / 2**0.5)),
            "TANH_APPROXIMATION": lambda x: (
                0.5 * x * (1 + torch.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3)))
            ),
            "SIGMOID_APPROXIMATION": lambda x: x / (1 + (-1.702 * x).exp()),
        }.items()
    ),
]

_FILTER, _BIAS = normal(6, 2, 3, 2), normal(6)
_MATRIX, _OFFSETS = normal(7, 5), normal(7)
_CONV_CUSTOM = {
    "strides": [2, 1],
    "pad_type": "custom",
    "pad": [1, 2, 0, 3],
    "dilations": [1, 2],
    "groups": 2,
}


def _attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    scores = q @ k.mT / q.shape[-1] ** 0.5
    return torch.softmax(scores if mask is None else scores + mask, -1) @ v


LINEAR = [
    Case(
        "conv",
        (normal(2, 4, 9, 11),),
        lambda mb, x: mb.conv(x=x, weight=_FILTER, bias=_BIAS, **_CONV_CUSTOM),
        lambda x: functional.conv2d(
            functional.pad(x, (0, 3, 1, 2)), f64(_FILTER), f64(_BIAS), (2, 1), 0, (1, 2), 2
        ),
        note="uneven padding, groups",
    ),
    *(
        Case(
            "conv",
            (normal(1, 2, 7, 8),),
            lambda mb, x, how=how: mb.conv(x=x, weight=_FILTER, pad_type=how),
            lambda x, sides=sides: functional.conv2d(functional.pad(x, sides), f64(_FILTER)),
            "iOS16",
            note=how,
        )
        for how, sides in {"valid": (0, 0, 0, 0), "same": (0, 1, 1, 1), "same_lower": (1, 0, 1, 1)}.items()
    ),
    Case(
        "conv",
        (normal(1, 2, 11),),
        lambda mb, x: mb.conv(x=x, weight=_FILTER[:, :, :, 0], strides=[3]),
        lambda x: functional.conv1d(x, f64(_FILTER[:, :, :, 0]), stride=3),
        note="1-D",
    ),
    Case(
        "linear",
        (normal(2, 3, 5),),
        lambda mb, x: mb.linear(x=x, weight=_MATRIX, bias=_OFFSETS),
        lambda x: x @ f64(_MATRIX).T + f64(_OFFSETS),
    ),
    *(
        Case(
            "matmul",
            (left, right),
            lambda mb, x, y, a=a, b=b: mb.matmul(x=x, y=y, transpose_x=a, transpose_y=b),
            lambda x, y, a=a, b=b: (x.mT if a else x) @ (y.mT if b else y),
            note=f"{a} {b}",
        )
        for a, b, left, right in (
            (False, False, normal(2, 3, 5, 7), normal(2, 3, 7, 4)),
            (False, True, normal(2, 3, 5, 7), normal(1, 3, 4, 7)),
            (True, True, normal(2, 3, 7, 5), normal(2, 3, 4, 7)),
        )
    ),
    *(
        Case(
            "avg_pool",
            (normal(2, 3, 9, 7),),
            lambda mb, x, out=out: mb.avg_pool(
                x=x,
                kernel_sizes=[3, 2],
                strides=[2, 1],
                pad_type="custom",
                pad=[1, 1, 1, 1],
                exclude_padding_from_average=out,
            ),
            lambda x, out=out: functional.avg_pool2d(x, (3, 2), (2, 1), 1, count_include_pad=not out),
            note=f"exclude padding {out}",
        )
        for out in (False, True)
    ),
    *(
        Case(
            "einsum",
            (normal(*left), normal(*right)),
            lambda mb, x, y, equation=equation: mb.einsum(values=(x, y), equation=equation),
            lambda x, y, equation=equation: torch.einsum(equation, x, y),
            note=equation,
        )
        for equation, left, right in (
            ("nchw,nwhu->nchu", (2, 5, 3, 7), (2, 7, 3, 4)),
            ("chw,whr->chr", (5, 3, 7), (7, 3, 4)),
        )
    ),
    Case(
        "scaled_dot_product_attention",
        (normal(2, 3, 5, 8), normal(2, 3, 7, 8), normal(2, 3, 7, 4)),
        lambda mb, q, k, v: mb.scaled_dot_product_attention(query=q, key=k, value=v),
        _attention,
        "iOS18",
    ),
    Case(
        "scaled_dot_product_attention",
        (normal(2, 3, 5, 8), normal(2, 3, 7, 8), normal(2, 3, 7, 4), normal(5, 7)),
        lambda mb, q, k, v, m: mb.scaled_dot_product_attention(query=q, key=k, value=v, attn_mask=m),
        _attention,
        "iOS18",
        note="mask",
    ),
]

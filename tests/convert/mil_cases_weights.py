"""Cases of compressed weights: `x + weight`, and the weight unpacked number by number in plain Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from tests.convert.mil_cases import Case, normal, positive, whole

Array = np.ndarray[Any, Any]
_GENERATOR = np.random.default_rng(3)


def packed_type(name: str) -> Any:
    """NumPy's type with coremltools' mark for integers of a few bits."""
    from coremltools.converters.mil.mil import types

    return types.nptype_from_builtin(types.string_to_builtin(name))


def pack(numbers: Array, bits: int) -> Array:
    """Lowest bit first, one after the other, in bytes."""
    total = sum(int(number) << (bits * place) for place, number in enumerate(numbers.reshape(-1)))
    length = -(-numbers.size * bits // 8)
    return np.frombuffer(total.to_bytes(length, "little"), np.uint8)


def every(shape: tuple[int, ...], value: Callable[..., Any]) -> Array:
    """The array whose number at each place is `value(*place)`."""
    made = np.empty(shape, np.float64)
    for place in np.ndindex(*shape):
        made[place] = value(*place)
    return made


def weight_case(kind: str, unpack: Callable[[Any], Any], dense: Array, opset: str, note: str) -> Case:
    """A program that adds the unpacked weight to its input."""
    return Case(
        kind,
        (normal(*dense.shape),),
        lambda mb, x: mb.add(x=x, y=unpack(mb)),
        lambda x: x + torch.as_tensor(dense.astype(np.float64)),
        opset,
        note=note,
    )


def _packed_tables() -> list[Case]:
    cases: list[Case] = []
    for bits in (1, 2, 4, 6, 8):
        indices, table = _GENERATOR.integers(0, 2**bits, (5, 7)), normal(2**bits)

        def unpack(mb: Any, indices: Array = indices, table: Array = table, bits: int = bits) -> Any:
            shape = np.array(indices.shape, np.uint32)
            return mb.constexpr_lut_to_dense(indices=pack(indices, bits), lut=table, shape=shape)

        dense = every((5, 7), lambda a, b, i=indices, t=table: t[i[a, b]])
        cases.append(weight_case("constexpr_lut_to_dense", unpack, dense, "iOS16", f"packed, {bits} bits"))
    return cases


def _grouped_tables() -> list[Case]:
    cases: list[Case] = []
    for bits in (1, 2, 3, 4, 6, 8):
        indices, table = _GENERATOR.integers(0, 2**bits, (6, 4, 3)), normal(3, 2, 1, 2**bits, 1)

        def unpack(mb: Any, indices: Array = indices, table: Array = table, bits: int = bits) -> Any:
            return mb.constexpr_lut_to_dense(indices=indices.astype(packed_type(f"uint{bits}")), lut=table)

        dense = every((6, 4, 3), lambda a, b, c, i=indices, t=table: t[a // 2, b // 2, 0, i[a, b, c], 0])
        cases.append(weight_case("constexpr_lut_to_dense", unpack, dense, "iOS18", f"grouped, {bits} bits"))
    return cases


def _vector_tables() -> list[Case]:
    indices, table = _GENERATOR.integers(0, 4, (4, 5)), normal(2, 1, 4, 3)

    def unpack(mb: Any, axis: int) -> Any:
        marked = indices.astype(packed_type("uint2"))
        return mb.constexpr_lut_to_dense(indices=marked, lut=table, vector_axis=np.int32(axis))

    rows = every((12, 5), lambda a, b: table[a // 3 // 2, 0, indices[a // 3, b], a % 3])
    columns = every((4, 15), lambda a, b: table[a // 2, 0, indices[a, b // 3], b % 3])
    return [
        weight_case("constexpr_lut_to_dense", lambda mb: unpack(mb, 0), rows, "iOS18", "vectors down"),
        weight_case("constexpr_lut_to_dense", lambda mb: unpack(mb, -1), columns, "iOS18", "vectors along"),
    ]


def _quantised() -> list[Case]:
    data, scale = _GENERATOR.integers(-128, 128, (5, 7, 3)).astype(np.int8), positive(7)
    zero = _GENERATOR.integers(-9, 9, 7).astype(np.int8)
    affine = every((5, 7, 3), lambda a, b, c: scale[b] * (float(data[a, b, c]) - float(zero[b])))
    nibbles, offsets = _GENERATOR.integers(-8, 8, (6, 4)), _GENERATOR.integers(-8, 8, (3, 2))
    factors = positive(3, 2)
    block = every(
        (6, 4), lambda a, b: factors[a // 2, b // 2] * float(nibbles[a, b] - offsets[a // 2, b // 2])
    )
    plain = every((6, 4), lambda a, b: factors[a // 2, b // 2] * float(nibbles[a, b]))

    def blocks(mb: Any, **offset: Any) -> Any:
        marked = nibbles.astype(packed_type("int4"))
        return mb.constexpr_blockwise_shift_scale(data=marked, scale=factors, **offset)

    def with_offset(mb: Any) -> Any:
        return blocks(mb, offset=offsets.astype(packed_type("int4")))

    def dequantised(mb: Any) -> Any:
        return mb.constexpr_affine_dequantize(
            quantized_data=data, zero_point=zero, scale=scale, axis=np.int32(1)
        )

    return [
        weight_case("constexpr_affine_dequantize", dequantised, affine, "iOS16", "by channel"),
        weight_case("constexpr_blockwise_shift_scale", with_offset, block, "iOS18", "4 bits, offsets"),
        weight_case("constexpr_blockwise_shift_scale", blocks, plain, "iOS18", "4 bits"),
    ]


def _sparse() -> list[Case]:
    mask = _GENERATOR.integers(0, 2, (6, 4))
    numbers = normal(int(mask.sum()))
    order = np.cumsum(mask).reshape(6, 4) - 1
    dense = every((6, 4), lambda a, b: numbers[order[a, b]] if mask[a, b] else 0)
    picks, table = _GENERATOR.integers(0, 4, numbers.size), normal(3, 1, 4, 1)
    looked_up = every((6, 4), lambda a, b: table[a // 2, 0, picks[order[a, b]], 0] if mask[a, b] else 0)
    nibbles, scale, offset = _GENERATOR.integers(-8, 8, numbers.size), positive(1, 4), normal(1, 4)
    scaled = every(
        (6, 4), lambda a, b: scale[0, b] * (float(nibbles[order[a, b]]) - offset[0, b]) if mask[a, b] else 0
    )

    def packed(mb: Any) -> Any:
        shape = np.array([6, 4], np.uint32)
        return mb.constexpr_sparse_to_dense(nonzero_data=numbers, mask=pack(mask, 1), shape=shape)

    def marked(mb: Any) -> Any:
        return mb.constexpr_sparse_to_dense(nonzero_data=numbers, mask=mask.astype(packed_type("uint1")))

    def tabled(mb: Any) -> Any:
        found = mb.constexpr_lut_to_sparse(
            indices_mask=mask.astype(packed_type("uint1")),
            indices_nonzero_data=picks.astype(packed_type("uint2")),
            lut=table,
        )
        return mb.constexpr_sparse_to_dense(nonzero_data=found[1], mask=found[0])

    def shifted(mb: Any) -> Any:
        found = mb.constexpr_sparse_blockwise_shift_scale(
            data_mask=mask.astype(packed_type("uint1")),
            nonzero_data=nibbles.astype(packed_type("int4")),
            scale=scale,
            offset=offset,
        )
        return mb.constexpr_sparse_to_dense(nonzero_data=found[1], mask=found[0])

    return [
        weight_case("constexpr_sparse_to_dense", packed, dense, "iOS16", "packed"),
        weight_case("constexpr_sparse_to_dense", marked, dense, "iOS18", "marked"),
        weight_case("constexpr_lut_to_sparse", tabled, looked_up, "iOS18", "tables by rows"),
        weight_case("constexpr_sparse_blockwise_shift_scale", shifted, scaled, "iOS18", "by columns"),
    ]


def _sparse_vectors() -> Case:
    mask = _GENERATOR.integers(0, 2, (3, 4))
    picks, table = _GENERATOR.integers(0, 2, int(mask.sum())), normal(1, 1, 2, 2)
    order = np.cumsum(mask).reshape(3, 4) - 1
    dense = every((6, 4), lambda a, b: table[0, 0, picks[order[a // 2, b]], a % 2] if mask[a // 2, b] else 0)

    def unpack(mb: Any) -> Any:
        found = mb.constexpr_lut_to_sparse(
            indices_mask=mask.astype(packed_type("uint1")),
            indices_nonzero_data=picks.astype(packed_type("uint1")),
            lut=table,
            vector_axis=np.int32(0),
        )
        return mb.constexpr_sparse_to_dense(nonzero_data=found[1], mask=found[0])

    return weight_case("constexpr_lut_to_sparse", unpack, dense, "iOS18", "vectors")


def _casts() -> list[Case]:
    half = normal(3, 5).astype(np.float16)
    scale, zero = positive(5), _GENERATOR.integers(-9, 9, 5).astype(np.int8)
    shape = (3, 5)

    def unpack(mb: Any) -> Any:
        return mb.constexpr_cast(source_val=half, output_dtype="fp32")

    def there(mb: Any, x: Any) -> Any:
        return mb.quantize(input=x, zero_point=zero, scale=scale, axis=1, output_dtype="int8")

    return [
        weight_case("constexpr_cast", unpack, half.astype(np.float64), "iOS16", ""),
        Case(
            "quantize",
            (9 * normal(*shape),),
            lambda mb, x: mb.cast(x=there(mb, x), dtype="fp32"),
            lambda x: ((x / torch.as_tensor(scale)).round() + torch.as_tensor(zero)).clamp(-128, 127),
            "iOS17",
        ),
        Case(
            "dequantize",
            (whole(-128, 128, *shape),),
            lambda mb, x: mb.dequantize(
                input=mb.cast(x=x, dtype="int8"), zero_point=zero, scale=scale, axis=1
            ),
            lambda x: torch.as_tensor(scale) * (x - torch.as_tensor(zero)),
            "iOS17",
        ),
        Case(
            "dequantize",
            (whole(-128, 128, *shape),),
            lambda mb, x: mb.dequantize(input=mb.cast(x=x, dtype="int8"), scale=np.float32(0.25)),
            lambda x: 0.25 * x,
            "iOS17",
            note="one scale",
        ),
    ]


def compressed() -> list[Case]:
    """All cases of weights; made on demand, as types of a few bits are coremltools'."""
    return [
        *_packed_tables(),
        *_grouped_tables(),
        *_vector_tables(),
        *_quantised(),
        *_sparse(),
        _sparse_vectors(),
        *_casts(),
    ]

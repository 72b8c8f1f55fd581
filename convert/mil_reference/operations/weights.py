"""Compressed weights: what Core ML unpacks when it loads a model (constexpr_...).

iOS16 packs indices and masks into bytes, lowest bit first; iOS18 has types of 1 to 8 bits, which coremltools'
reader has unpacked already, and tables, scales and offsets for blocks of a tensor.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch import Tensor

from convert.mil_reference.operations.values import Operation, ints, to_tensor


def affine_dequantize(quantized_data: Tensor, zero_point: Tensor, scale: Tensor, axis: Tensor) -> Tensor:
    """scale * (data - zero point), one of each, or one for each slice along an axis."""
    shape = [1] * quantized_data.ndim
    shape[int(axis)] = -1
    zero, factor = (each.reshape(shape) if each.ndim else each for each in (zero_point.float(), scale))
    return factor * (quantized_data.float() - zero)


def cast(source_val: Tensor, output_dtype: str) -> Tensor:
    """An fp16 weight as fp32."""
    return source_val.float()


def blockwise_shift_scale(data: Tensor, scale: Tensor, offset: Tensor | None = None) -> Tensor:
    """scale * (data - offset), one of each for a block; blocks divide every axis evenly."""
    values = data.float()
    shifted = values if offset is None else values - _spread(offset.float(), data.shape)
    return _spread(scale, data.shape) * shifted


def lut_to_dense(
    indices: Tensor, lut: Tensor, shape: Tensor | None = None, vector_axis: Tensor | None = None
) -> Tensor:
    """A table's entries by index.

    iOS16: bytes of packed indices into one table of 2, 4, 16, 64 or 256 numbers, and the shape.
    iOS18: indices in the weight's shape; `lut` is (*groups, entries, vector); vectors fill `vector_axis`.
    """
    if shape is not None:
        return _lut_packed(indices, lut, ints(shape))
    return _lut_grouped(indices, lut, -1 if vector_axis is None else int(vector_axis))


def sparse_to_dense(nonzero_data: Tensor, mask: Tensor, shape: Tensor | None = None) -> Tensor:
    """Zeros but where the mask has a bit: there the data in order. iOS16's mask is packed."""
    if shape is not None:
        sizes = ints(shape)
        mask = _unpack_bits(mask, 1, int(np.prod(sizes))).reshape(sizes)
    dense = torch.zeros(mask.shape, dtype=nonzero_data.dtype)
    dense[mask != 0] = nonzero_data
    return dense


def lut_to_sparse(
    indices_mask: Tensor, indices_nonzero_data: Tensor, lut: Tensor, vector_axis: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The mask and the nonzero data of a sparse weight whose data are a table's indices."""
    axis = -1 if vector_axis is None else int(vector_axis)
    indices = sparse_to_dense(indices_nonzero_data, indices_mask)
    mask = indices_mask.repeat_interleave(lut.shape[-1], axis)
    return mask, _lut_grouped(indices, lut, axis)[mask != 0]


def sparse_blockwise_shift_scale(
    data_mask: Tensor, nonzero_data: Tensor, scale: Tensor, offset: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The mask and the nonzero data of a sparse weight whose data are quantised."""
    dense = blockwise_shift_scale(sparse_to_dense(nonzero_data, data_mask), scale, offset)
    return data_mask, dense[data_mask != 0]


def dequantize(
    input: Tensor, scale: Tensor, zero_point: Tensor | None = None, axis: Tensor | None = None
) -> Tensor:
    """scale * (input - zero point): quantised activations back to numbers."""
    zero = torch.zeros_like(scale) if zero_point is None else zero_point
    return affine_dequantize(input, zero, scale, torch.tensor(0) if axis is None else axis)


def quantize(
    input: Tensor,
    scale: Tensor,
    output_dtype: str,
    zero_point: Tensor | None = None,
    axis: Tensor | None = None,
) -> Tensor:
    """round(input / scale) + zero point, within eight bits."""
    shape = [1] * input.ndim
    shape[0 if axis is None else int(axis)] = -1
    zero = torch.zeros_like(scale) if zero_point is None else zero_point.float()
    factor, shift = (each.reshape(shape) if each.ndim else each for each in (scale, zero))
    dtype = torch.uint8 if output_dtype == "uint8" else torch.int8
    limits = torch.iinfo(dtype)
    return (torch.round(input / factor) + shift).clamp(limits.min, limits.max).to(dtype)


def _lut_packed(indices: Tensor, lut: Tensor, shape: list[int]) -> Tensor:
    bits = (lut.numel() - 1).bit_length()
    return lut[_unpack_bits(indices, bits, int(np.prod(shape)))].reshape(shape)


def _lut_grouped(indices: Tensor, lut: Tensor, vector_axis: int) -> Tensor:
    """Blocks of the indices have tables of their own: their number on each axis is the table's size there."""
    groups, (entries, vector) = lut.shape[:-2], lut.shape[-2:]
    numbers = torch.arange(int(np.prod(groups))).reshape(groups)
    table = _spread(numbers, indices.shape) * entries
    found = lut.reshape(-1, vector)[table + indices.to(torch.int64)]
    if vector == 1:
        return found.squeeze(-1)
    axis = vector_axis % indices.ndim
    return found.movedim(-1, axis + 1).flatten(axis, axis + 1)


def _spread(blocks: Tensor, shape: torch.Size) -> Tensor:
    """Each block's number, repeated over its block."""
    for axis, (size, count) in enumerate(zip(shape, blocks.shape, strict=True)):
        if count not in (1, size):
            blocks = blocks.repeat_interleave(size // count, axis)
    return blocks


def _unpack_bits(packed: Tensor, bits: int, count: int) -> Tensor:
    """Integers of a few bits, packed lowest bit first, as int64."""
    stream = np.unpackbits(packed.numpy(), bitorder="little")[: count * bits].reshape(count, bits)
    places = 1 << np.arange(bits, dtype=np.int64)
    return to_tensor(stream.astype(np.int64) @ places)


OPERATIONS: Final[dict[str, Operation]] = {
    "constexpr_affine_dequantize": affine_dequantize,
    "constexpr_blockwise_shift_scale": blockwise_shift_scale,
    "constexpr_cast": cast,
    "constexpr_lut_to_dense": lut_to_dense,
    "constexpr_lut_to_sparse": lut_to_sparse,
    "constexpr_sparse_blockwise_shift_scale": sparse_blockwise_shift_scale,
    "constexpr_sparse_to_dense": sparse_to_dense,
    "dequantize": dequantize,
    "quantize": quantize,
}

"""Parts of a tensor, cut at regular places."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from convert.mil_reference.operations.values import Operation, flags, ints


def slice_by_index(
    x: Tensor,
    begin: Tensor,
    end: Tensor,
    stride: Tensor | None = None,
    begin_mask: Tensor | None = None,
    end_mask: Tensor | None = None,
    squeeze_mask: Tensor | None = None,
) -> Tensor:
    """As x[begin:end:stride] in NumPy on every axis; masks leave an end open, or pick one index."""
    steps = [1] * x.ndim if stride is None else ints(stride)
    open_begin, open_end, picked = (flags(mask, x.ndim) for mask in (begin_mask, end_mask, squeeze_mask))
    gone: list[int] = []
    for axis, (first, last, step) in enumerate(zip(ints(begin), ints(end), steps, strict=True)):
        if picked[axis]:
            x = x.narrow(axis, first % x.shape[axis], 1)
            gone.append(axis)
            continue
        part = slice(None if open_begin[axis] else first, None if open_end[axis] else last, step)
        x = _cut(x, axis, part)
    return x.squeeze(tuple(gone)) if gone else x


def slice_by_size(x: Tensor, begin: Tensor, size: Tensor) -> Tensor:
    """This many elements from each beginning; -1 means all that follow."""
    for axis, (first, count) in enumerate(zip(ints(begin), ints(size), strict=True)):
        start = first % x.shape[axis] if first < 0 else first
        x = x.narrow(axis, start, x.shape[axis] - start if count == -1 else count)
    return x


def split(
    x: Tensor, axis: Tensor, num_splits: Tensor | None = None, split_sizes: Tensor | None = None
) -> tuple[Tensor, ...]:
    """Into equal parts, or parts of given sizes."""
    along = int(axis)
    if split_sizes is not None:
        return torch.split(x, ints(split_sizes), along)
    assert num_splits is not None
    return torch.split(x, x.shape[along] // int(num_splits), along)


def band_part(x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
    """Zeros outside a band around the diagonal of the last two axes; a negative width keeps all."""
    below, above = int(lower), int(upper)
    x = x if below < 0 else torch.triu(x, -below)
    return x if above < 0 else torch.tril(x, above)


def reverse(x: Tensor, axes: Tensor | None = None) -> Tensor:
    """Backwards along these axes; absent means all."""
    return x.flip(tuple(range(x.ndim)) if axes is None else ints(axes))


def _cut(x: Tensor, axis: int, part: slice) -> Tensor:
    places = range(*part.indices(x.shape[axis]))
    if places.step == 1:
        return x.narrow(axis, places.start if len(places) else 0, len(places))
    return x.index_select(axis, torch.tensor(list(places), dtype=torch.int64))


OPERATIONS: Final[dict[str, Operation]] = {
    "band_part": band_part,
    "reverse": reverse,
    "slice_by_index": slice_by_index,
    "slice_by_size": slice_by_size,
    "split": split,
}

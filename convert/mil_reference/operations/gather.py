"""Elements picked by indices."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from convert.mil_reference.operations.values import Operation


def gather(
    x: Tensor,
    indices: Tensor,
    axis: Tensor,
    batch_dims: Tensor | None = None,
    validate_indices: Tensor | None = None,
) -> Tensor:
    """Slices of x along an axis: x.shape[:axis] + indices.shape[batch_dims:] + x.shape[axis + 1:]."""
    along = int(axis) % x.ndim
    batch = 0 if batch_dims is None else int(batch_dims)
    if batch:
        return _gather_batches(x, indices, along, batch)
    places = _positive(indices, x.shape[along])
    picked = x.index_select(along, places.reshape(-1))
    return picked.reshape((*x.shape[:along], *indices.shape, *x.shape[along + 1 :]))


def gather_along_axis(
    x: Tensor, indices: Tensor, axis: Tensor, validate_indices: Tensor | None = None
) -> Tensor:
    """For each place of `indices`, the element of x at that index along the axis."""
    along = int(axis) % x.ndim
    return torch.take_along_dim(x, _positive(indices, x.shape[along]), along)


def gather_nd(
    x: Tensor, indices: Tensor, batch_dims: Tensor | None = None, validate_indices: Tensor | None = None
) -> Tensor:
    """The last axis of `indices` is a coordinate in x, after the batch's axes."""
    batch = 0 if batch_dims is None else int(batch_dims)
    if batch:
        pairs = zip(x.flatten(0, batch - 1), indices.flatten(0, batch - 1), strict=True)
        parts = [gather_nd(each, places) for each, places in pairs]
        return torch.stack(parts).reshape(*x.shape[:batch], *parts[0].shape)
    sizes = x.shape[: indices.shape[-1]]
    return x[tuple(_positive(indices[..., axis], size) for axis, size in enumerate(sizes))]


def _gather_batches(x: Tensor, indices: Tensor, along: int, batch: int) -> Tensor:
    pairs = zip(x.flatten(0, batch - 1), indices.flatten(0, batch - 1), strict=True)
    parts = [gather(each, places, torch.tensor(along - batch)) for each, places in pairs]
    return torch.stack(parts).reshape(*x.shape[:batch], *parts[0].shape)


def _positive(indices: Tensor, size: int) -> Tensor:
    places = indices.to(torch.int64)
    return torch.where(places < 0, places + size, places)


OPERATIONS: Final[dict[str, Operation]] = {
    "gather": gather,
    "gather_along_axis": gather_along_axis,
    "gather_nd": gather_nd,
}

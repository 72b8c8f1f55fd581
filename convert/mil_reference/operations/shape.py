"""Shapes: the same numbers in another order or form, and tensors made from shapes."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from convert.mil_reference.operations.values import Operation, axes_of, ints


def concat(values: tuple[Tensor, ...], axis: Tensor, interleave: Tensor) -> Tensor:
    """Tensors behind one another along an axis, or element by element in turn."""
    along = int(axis)
    if not bool(interleave):
        return torch.cat([each.reshape(1) if each.ndim == 0 else each for each in values], along)
    along %= values[0].ndim
    return torch.stack(values, along + 1).flatten(along, along + 1)


def expand_dims(x: Tensor, axes: Tensor) -> Tensor:
    """Axes of size one at these places of the result."""
    rank = x.ndim + len(ints(axes))
    for axis in sorted(each % rank for each in ints(axes)):
        x = x.unsqueeze(axis)
    return x


def fill(shape: Tensor, value: Tensor) -> Tensor:
    """A tensor of one value."""
    return value.expand(ints(shape)).clone()


def fill_like(ref_tensor: Tensor, value: Tensor) -> Tensor:
    """A tensor of one value with another's shape."""
    return value.expand(ref_tensor.shape).clone()


def pad(x: Tensor, pad: Tensor, mode: str, constant_val: Tensor) -> Tensor:
    """Elements before and after each of the last axes: a constant, mirrored, or the edge again."""
    pairs = ints(pad)
    sides = [side for place in range(len(pairs) - 2, -1, -2) for side in pairs[place : place + 2]]
    if mode == "constant":
        return functional.pad(x, sides, "constant", float(constant_val))
    return _pad_edges(x, sides, mode)


def pixel_shuffle(x: Tensor, upscale_factor: Tensor) -> Tensor:
    """Channels into height and width."""
    return functional.pixel_shuffle(x, int(upscale_factor))


def pixel_unshuffle(x: Tensor, downscale_factor: Tensor) -> Tensor:
    """Height and width into channels."""
    return functional.pixel_unshuffle(x, int(downscale_factor))


def range_1d(start: Tensor, end: Tensor, step: Tensor) -> Tensor:
    """Numbers from start to before end."""
    return torch.arange(start.item(), end.item(), step.item())


def reshape(x: Tensor, shape: Tensor) -> Tensor:
    """To another shape: -1 takes what is left, 0 the size at the same place, counted from the end."""
    sizes = ints(shape)
    for place, size in enumerate(sizes):
        if size == 0:
            old = place - len(sizes) + x.ndim
            sizes[place] = x.shape[old] if old >= 0 else 1
    return x.reshape(sizes)


def shape_of(x: Tensor) -> Tensor:
    """The sizes, as a vector."""
    return torch.tensor(x.shape, dtype=torch.int64)


def squeeze(x: Tensor, axes: Tensor | None = None) -> Tensor:
    """Without these axes of size one; absent means all of size one."""
    return x.squeeze() if axes is None else x.squeeze(axes_of(axes, x.ndim))


def stack(values: tuple[Tensor, ...], axis: Tensor) -> Tensor:
    """Tensors along a new axis."""
    return torch.stack(values, int(axis))


def tile(x: Tensor, reps: Tensor) -> Tensor:
    """Repeated along each axis."""
    return x.repeat(ints(reps))


def transpose(x: Tensor, perm: Tensor) -> Tensor:
    """The axes in another order."""
    return x.permute(ints(perm))


def _pad_edges(x: Tensor, sides: list[int], mode: str) -> Tensor:
    """By picking indices, axis after axis, as torch pads edges of the last axes only."""
    for place in range(len(sides) // 2):
        axis = x.ndim - 1 - place
        before, after = sides[2 * place : 2 * place + 2]
        x = x.index_select(axis, _edge_indices(x.shape[axis], before, after, mode))
    return x


def _edge_indices(size: int, before: int, after: int, mode: str) -> Tensor:
    places = torch.arange(-before, size + after)
    if mode == "replicate":
        return places.clamp(0, size - 1)
    mirrored = places.abs()
    return torch.where(mirrored > size - 1, 2 * (size - 1) - mirrored, mirrored)


OPERATIONS: Final[dict[str, Operation]] = {
    "concat": concat,
    "expand_dims": expand_dims,
    "fill": fill,
    "fill_like": fill_like,
    "pad": pad,
    "pixel_shuffle": pixel_shuffle,
    "pixel_unshuffle": pixel_unshuffle,
    "range_1d": range_1d,
    "reshape": reshape,
    "shape": shape_of,
    "squeeze": squeeze,
    "stack": stack,
    "tile": tile,
    "transpose": transpose,
}

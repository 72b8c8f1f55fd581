"""Normalizations."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from convert.mil_reference.operations.values import Operation, axes_of


def batch_norm(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    epsilon: Tensor,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
) -> Tensor:
    """By a given mean and variance for each channel (axis 1)."""
    shape = (1, -1, *[1] * (x.ndim - 2))
    normal = (x - mean.reshape(shape)) * torch.rsqrt(variance.reshape(shape) + epsilon)
    return _affine(normal, _channels(gamma, x), _channels(beta, x))


def instance_norm(
    x: Tensor, epsilon: Tensor, gamma: Tensor | None = None, beta: Tensor | None = None
) -> Tensor:
    """Over the spatial axes, for each picture and channel."""
    normal = _normalize(x, tuple(range(2, x.ndim)), epsilon)
    return _affine(normal, _channels(gamma, x), _channels(beta, x))


def layer_norm(
    x: Tensor,
    epsilon: Tensor,
    axes: Tensor | None = None,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
) -> Tensor:
    """Over the given axes; gamma and beta have the shape of those axes."""
    over = axes_of(axes, x.ndim)
    shape = [size if axis in over else 1 for axis, size in enumerate(x.shape)]
    scale, shift = (None if each is None else each.reshape(shape) for each in (gamma, beta))
    return _affine(_normalize(x, over, epsilon), scale, shift)


def l2_norm(x: Tensor, epsilon: Tensor) -> Tensor:
    """Divided by the root of the sum of squares over the last three axes, plus epsilon."""
    return x * torch.rsqrt((x * x).sum((-3, -2, -1), keepdim=True) + epsilon)


def _normalize(x: Tensor, axes: tuple[int, ...], epsilon: Tensor) -> Tensor:
    centred = x - x.mean(axes, keepdim=True)
    return centred * torch.rsqrt((centred * centred).mean(axes, keepdim=True) + epsilon)


def _affine(x: Tensor, scale: Tensor | None, shift: Tensor | None) -> Tensor:
    scaled = x if scale is None else x * scale
    return scaled if shift is None else scaled + shift


def _channels(vector: Tensor | None, like: Tensor) -> Tensor | None:
    """One number a channel, ready to be broadcast; None stays None."""
    return None if vector is None else vector.reshape(1, -1, *[1] * (like.ndim - 2))


OPERATIONS: Final[dict[str, Operation]] = {
    "batch_norm": batch_norm,
    "instance_norm": instance_norm,
    "l2_norm": l2_norm,
    "layer_norm": layer_norm,
}

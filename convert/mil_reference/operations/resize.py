"""Larger and smaller pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from torch import Tensor
from torch.nn import functional

from convert.mil_reference.operations.values import Operation


def upsample_nearest_neighbor(x: Tensor, scale_factor_height: Tensor, scale_factor_width: Tensor) -> Tensor:
    """The last two axes, by factors; sizes are rounded down."""
    size = _scaled(x, scale_factor_height, scale_factor_width)
    return _as_pictures(x, lambda pictures: functional.interpolate(pictures, size, mode="nearest"))


def resize_nearest_neighbor(x: Tensor, target_size_height: Tensor, target_size_width: Tensor) -> Tensor:
    """The last two axes, to given sizes."""
    size = (int(target_size_height), int(target_size_width))
    return _as_pictures(x, lambda pictures: functional.interpolate(pictures, size, mode="nearest"))


def upsample_bilinear(
    x: Tensor,
    scale_factor_height: Tensor,
    scale_factor_width: Tensor,
    align_corners: Tensor,
    half_pixel_centers: Tensor | None = None,
) -> Tensor:
    """The last two axes, by factors, with or without the corners' centres kept."""
    aligned = bool(align_corners)
    if not aligned and half_pixel_centers is not None and not bool(half_pixel_centers):
        raise ValueError("upsample_bilinear without half pixel centers is not known")
    size = _scaled(x, scale_factor_height, scale_factor_width)
    return _as_pictures(
        x, lambda pictures: functional.interpolate(pictures, size, mode="bilinear", align_corners=aligned)
    )


def _scaled(x: Tensor, height: Tensor, width: Tensor) -> tuple[int, int]:
    return int(x.shape[-2] * float(height)), int(x.shape[-1] * float(width))


def _as_pictures(x: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    """Applies a function of rank 4 to the last two axes of a tensor of any rank."""
    result = function(x.reshape(-1, 1, *x.shape[-2:]))
    return result.reshape(*x.shape[:-2], *result.shape[-2:])


OPERATIONS: Final[dict[str, Operation]] = {
    "resize_nearest_neighbor": resize_nearest_neighbor,
    "upsample_bilinear": upsample_bilinear,
    "upsample_nearest_neighbor": upsample_nearest_neighbor,
}

"""Notices NaN, black and flat pictures, and says what to try."""

from __future__ import annotations

import torch
from torch import Tensor

from backends.core.contract import BadPicture

_FLAT = 2.0 / 255
"""A spread of less than this over a whole picture is one colour to the eye."""


def check_finite(array: Tensor, stage: str) -> None:
    """Raises BadPicture when the numbers hold NaN or infinity."""
    if not bool(torch.isfinite(array).all()):
        raise BadPicture(
            f"The numbers overflowed while {stage}, so there is no picture.",
            "Try a lower guidance scale or another sampler; on a GPU, full precision for the VAE.",
        )


def describe_dull(pixels: Tensor) -> str | None:
    """A sentence about a black, white or one-coloured picture, or None. Pixels are (3, H, W) in 0..1."""
    low, high = float(pixels.min()), float(pixels.max())
    if high < _FLAT:
        return "The picture came out black: try another seed, a lower guidance scale or another sampler."
    if low > 1 - _FLAT:
        return "The picture came out white: try another seed, a lower guidance scale or another sampler."
    if float(pixels.flatten(1).std(dim=1).max()) < _FLAT / 2:
        return "The picture came out in one flat colour: try another seed or more steps."
    return None

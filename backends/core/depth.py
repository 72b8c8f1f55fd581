"""Models that are told depth: how near each place of the start picture is, as one channel behind the latents.

As diffusers' StableDiffusionDepth2ImgPipeline does it: what a depth network says is brought to the latents'
size (bicubic) and to -1 for the farthest and 1 for the nearest. A depth map of one's own may stand in its
place, and then nothing need be started from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from backends.core import inpaint, pictures
from backends.core.contract import (
    GIVEN_DEPTH,
    OWN_DEPTH,
    ROUGH_DEPTH,
    ROUGHLY_FOUND,
    START_DEPTH,
    InvalidRequest,
    ModelFacts,
    Request,
    Stages,
)
from backends.core.depth_model import model_depth, own_depth
from backends.core.model_folder import sha256
from backends.core.own_depth import OwnDepth, network_of
from backends.core.rough_depth import rough_depth
from backends.core.shelf import Shelf

_WITH_ARRAYS = 2
"""A depth network of this kind takes less than so many times its weights while it works (depth_needs.py)."""


@dataclass(frozen=True)
class Depth:
    """`near`: (1, 1, H, W) of any size, more for what is nearer. `found` says how it came about."""

    near: Tensor
    found: str

    def channel(self, height: int, width: int) -> Tensor:
        """(1, 1, height, width) in -1..1; nothing but 0 where all is as near."""
        size = (height, width)
        near = torch.nn.functional.interpolate(self.near, size=size, mode="bicubic", align_corners=False)
        low, high = near.amin(), near.amax()
        return 2.0 * (near - low) / (high - low) - 1.0 if high > low else torch.zeros_like(near)

    @property
    def provenance(self) -> Mapping[str, str]:
        return {START_DEPTH: self.found}


@dataclass(frozen=True)
class ToldDepth:
    """The network is told depth, too; what stays as it is, `beneath` says. An inpaint.Region."""

    beneath: inpaint.Region
    channel: Tensor

    def widened(self, model_input: Tensor) -> Tensor:
        return torch.cat([self.beneath.widened(model_input), self.channel], dim=1)

    def restored(self, scheduler: Any, latents: Tensor, following: Tensor) -> Tensor:
        return self.beneath.restored(scheduler, latents, following)


def check(request: Request, facts: ModelFacts) -> None:
    """Raises InvalidRequest for what can be known before anything is made."""
    wanted = request.depth_map is not None or bool(request.depth_by)
    if wanted and not facts.takes_depth:
        raise InvalidRequest(
            f"The model {facts.name} makes no use of depth.",
            "Leave the depth out, choose a depth model, or guide it by a ControlNet for depth.",
        )
    if facts.takes_depth and request.init_image is None and request.depth_map is None:
        raise InvalidRequest(
            f"{facts.name} keeps the depth of another picture, and there is none to start from.",
            "Give a start picture, or a depth map.",
        )


def read(request: Request, stages: Stages, shelf: Shelf) -> Depth | None:
    """None for models that are told none. Raises InvalidRequest or UnreadablePicture."""
    if not stages.facts.takes_depth:
        return None
    if request.depth_map is not None:
        return Depth(inpaint.placed(request.depth_map, request).mean(dim=1, keepdim=True), GIVEN_DEPTH)
    image = _as_image(inpaint.start_pixels(request))
    own = None if request.depth_by else network_of(stages.facts.folder)
    if own is not None:
        _make_room(stages, own)
        return Depth(own_depth(image, own)[None], f"{OWN_DEPTH}: {sha256(own.weights)}")
    if request.depth_by in ("", ROUGH_DEPTH):
        return Depth(_as_tensor(rough_depth(image)), ROUGHLY_FOUND)
    folder = shelf.depth_model(request.depth_by)
    digests = " ".join(map(sha256, sorted(folder.glob("*.safetensors"))))
    return Depth(_as_tensor(model_depth(image, folder)), f"{request.depth_by}: {digests}")


def _make_room(stages: Stages, own: OwnDepth) -> None:
    """Where memory is short, the model gives its weights back while depth is found."""
    left: Callable[[], int] | None = getattr(stages, "bytes_beside", None)
    rest: Callable[[], None] | None = getattr(stages, "rest", None)
    if left is not None and rest is not None and left() < _WITH_ARRAYS * own.float32_bytes:
        rest()


def _as_image(pixels: Tensor) -> Image.Image:
    """Of (1, 3, H, W) in -1..1, the 8-bit picture that it came from."""
    made = pictures.to_picture(pictures.to_unit(pixels))
    return Image.frombytes("RGB", (made.width, made.height), made.rgb)


def _as_tensor(grey: Image.Image) -> Tensor:
    return torch.asarray(np.asarray(grey, dtype=np.float32) / 255.0)[None, None]

"""The pictures that guide a request by ControlNets, and when each takes part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from backends.core.contract import Control, GuideRefused, InvalidRequest, Request, Stages
from backends.core.control_pictures import shown
from backends.core.controlnet import PICTURE, WEIGHT
from backends.core.model_folder import sha256
from backends.core.shelf import Shelf


@dataclass(frozen=True)
class Controls:
    """Each ControlNet of a request with its picture, (1, 3, H, W) in 0..1, and its file."""

    told: tuple[tuple[Control, Tensor, Path], ...] = ()

    def at(self, step: int, steps: int, batch: int) -> dict[str, Tensor]:
        """What the denoiser is told in step `step` of `steps`, the first being 0; as diffusers counts it."""
        found: dict[str, Tensor] = {}
        for number, (control, picture, _) in enumerate(self.told):
            if control.weight and step / steps >= control.start and (step + 1) / steps <= control.end:
                found[f"{PICTURE}{number}"] = picture.expand(batch, -1, -1, -1)
                found[f"{WEIGHT}{number}"] = torch.full((batch, 1), control.weight)
        return found

    @property
    def provenance(self) -> dict[str, str]:
        """The files by name, with the SHA-256 of each."""
        told = ", ".join(f"{control.model}: {sha256(file)}" for control, _, file in self.told)
        return {"controlnets": told} if told else {}


def read(request: Request, stages: Stages, shelf: Shelf) -> Controls:
    """Loads what the request names. Raises GuideRefused or UnreadablePicture."""
    size = request.width, request.height
    try:
        files = _load(request, stages, shelf)
        pictures = [_pixels(guide(control, size)) for control in request.controls]
    except InvalidRequest as error:
        raise GuideRefused(error.message, error.action) from error
    return Controls(tuple(zip(request.controls, pictures, files, strict=True)))


def _load(request: Request, stages: Stages, shelf: Shelf) -> tuple[Path, ...]:
    """The files of the request's ControlNets, which the stages have from now on. Raises InvalidRequest."""
    files = tuple(shelf.controlnet(control.model) for control in request.controls)
    take: Callable[[Any], None] | None = getattr(stages, "use_controls", None)
    if take is not None:
        take(files)
    elif files:
        raise InvalidRequest(
            "A converted model can't be guided by a ControlNet.",
            "Choose the model that it was made from, or leave the ControlNet out.",
        )
    return files


def guide(control: Control, size: tuple[int, int]) -> Image.Image:
    """What the ControlNet is shown, in RGB and of this size. Raises InvalidRequest or UnreadablePicture."""
    return shown(control.image, control.prepare, size)


def _pixels(image: Image.Image) -> Tensor:
    """(1, 3, H, W) in 0..1."""
    pixels = torch.asarray(np.asarray(image, dtype=np.float32) / 255.0)
    return pixels.permute(2, 0, 1)[None]

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

from backends.core.contract import DEPTH, Control, GuideRefused, InvalidRequest, Request, Stages
from backends.core.control_pictures import shown
from backends.core.controlnet import PICTURE, WEIGHT
from backends.core.model_folder import sha256
from backends.core.shelf import Shelf

ROUGHLY = "a rough estimate, without a model"


@dataclass(frozen=True)
class Controls:
    """Each ControlNet of a request with its picture, (1, 3, H, W) in 0..1, and its file.

    `depth` says how depth was found, where it was.
    """

    told: tuple[tuple[Control, Tensor, Path], ...] = ()
    depth: str = ""

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
        nets = ", ".join(f"{control.model}: {sha256(file)}" for control, _, file in self.told)
        told = {"controlnets": nets, "depth": self.depth}
        return {name: words for name, words in told.items() if words}


def read(request: Request, stages: Stages, shelf: Shelf) -> Controls:
    """Loads what the request names. Raises GuideRefused or UnreadablePicture."""
    size = request.width, request.height
    try:
        files = _load(request, stages, shelf)
        if files:
            stages.check_size(*size)  # beside what they take
        pictures = [_pixels(guide(control, size, shelf)) for control in request.controls]
    except InvalidRequest as error:
        raise GuideRefused(error.message, error.action) from error
    depth = ", ".join(filter(None, (found_by(control, shelf) for control in request.controls)))
    return Controls(tuple(zip(request.controls, pictures, files, strict=True)), depth)


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


def guide(control: Control, size: tuple[int, int], shelf: Shelf) -> Image.Image:
    """What the ControlNet is shown, in RGB and of this size. Raises InvalidRequest or UnreadablePicture."""
    model = shelf.depth_model(control.by) if control.by else None
    return shown(control.image, control.prepare, size, model)


def found_by(control: Control, shelf: Shelf) -> str:
    """For a picture's provenance: by what its depth was found, with the files' SHA-256; else nothing."""
    if control.prepare != DEPTH:
        return ""
    if not control.by:
        return ROUGHLY
    files = sorted(shelf.depth_model(control.by).glob("*.safetensors"))
    return f"{control.by}: {' '.join(map(sha256, files))}"


def _pixels(image: Image.Image) -> Tensor:
    """(1, 3, H, W) in 0..1."""
    pixels = torch.asarray(np.asarray(image, dtype=np.float32) / 255.0)
    return pixels.permute(2, 0, 1)[None]

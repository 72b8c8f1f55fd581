"""Depth by a network of the user's: a folder in transformers' layout, read from the disk only.

Depth Anything (1 and 2), DPT and MiDaS in its layout, and GLPN. ControlNets for depth learned from MiDaS:
what is near is white, and the range goes from the least to the most (controlnet_aux, `midas/__init__.py`).
Networks that measure metres are turned round: one over the distance is what MiDaS estimates.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from torch import Tensor

from backends.core.contract import InvalidRequest
from backends.core.own_depth import OwnDepth

KINDS = ("depth_anything", "dpt", "glpn")
"""transformers' `model_type`s that are known here."""
_METRES = "metric"
_LEAST_METRES = 1e-3
_ROUGH = "Use another depth model, or the rough estimate."
_UNUSABLE = (
    OSError, ValueError, KeyError, TypeError, ImportError, RuntimeError, AttributeError, SafetensorError,
)  # fmt: skip


def model_depth(image: Image.Image, folder: Path) -> Image.Image:
    """A picture of the same size in mode L, 255 for what is nearest.

    On the CPU in float32, so that it is the same with every backend. Raises InvalidRequest.
    """
    kind = _kind(folder)
    try:
        near = _estimate(image.convert("RGB"), folder)
    except _UNUSABLE as error:
        raise InvalidRequest(f"The depth model {folder.name} can't be used.", _ROUGH) from error
    if kind == _METRES:
        near = 1 / near.clamp(min=_LEAST_METRES)
    if not bool(torch.isfinite(near).all()):
        raise InvalidRequest(f"The depth model {folder.name} says nothing for this picture.", _ROUGH)
    span = float(near.max() - near.min())
    shares = (near - near.min()) / span if span else torch.zeros_like(near)
    return Image.fromarray((shares.numpy() * 255).astype(np.uint8))


def own_depth(image: Image.Image, own: OwnDepth) -> Tensor:
    """(1, h, w), more for what is nearer, in the network's own size, as diffusers asks a model's own network.

    On the CPU in float32. Raises InvalidRequest.
    """
    try:
        near = _ask(image.convert("RGB"), own.folder, own.preparing, own.variant)[1].predicted_depth
    except _UNUSABLE as error:
        raise InvalidRequest("The model's own depth network can't be used.", _ROUGH) from error
    if not bool(torch.isfinite(near).all()):
        raise InvalidRequest("The model's own depth network says nothing for this picture.", _ROUGH)
    return cast(Tensor, near)


def _kind(folder: Path) -> str:
    """What its numbers are: "metric" for distances. Raises InvalidRequest for one that is not known here."""
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidRequest(f"The depth model {folder.name} can't be read.", "Get it again.") from error
    if (kind := config.get("model_type")) not in KINDS:
        raise InvalidRequest(
            f"The depth model {folder.name} is of a kind that is not known here.",
            "Use Depth Anything, DPT, MiDaS or GLPN, or the rough estimate.",
        )
    return _METRES if kind == "glpn" else str(config.get("depth_estimation_type", ""))


def _estimate(image: Image.Image, folder: Path) -> Tensor:
    """(height, width), as the network says it, brought to the picture's size."""
    prepare, said = _ask(image, folder, folder)
    found = prepare.post_process_depth_estimation(said, [image.size[::-1]])
    return cast(Tensor, found[0]["predicted_depth"])


def _ask(image: Image.Image, folder: Path, preparing: Path, variant: str | None = None) -> tuple[Any, Any]:
    """What made the picture ready, and what the network said of it."""
    from transformers.models.auto.image_processing_auto import AutoImageProcessor
    from transformers.models.auto.modeling_auto import AutoModelForDepthEstimation

    reading: Any = {"local_files_only": True, "trust_remote_code": False}
    prepare: Any = cast(Any, AutoImageProcessor).from_pretrained(preparing, backend="pil", **reading)
    network: Any = cast(Any, AutoModelForDepthEstimation).from_pretrained(
        folder, use_safetensors=True, dtype=torch.float32, variant=variant, **reading
    )
    with torch.inference_mode():
        return prepare, network.eval()(**prepare(images=image, return_tensors="pt"))

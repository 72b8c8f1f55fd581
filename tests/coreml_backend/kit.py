"""What the Core ML backend's tests share: the request, its pixels, and marring a folder."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

from backends.core import pipeline
from backends.core.contract import (
    PictureReady,
    Request,
    Stages,
)

SIZE = (64, 96)
NETWORKS = ("text_encoder", "unet", "vae_decoder", "vae_encoder")
REQUEST = Request(
    prompt="a fox", width=SIZE[0], height=SIZE[1], steps=3, guidance_scale=4.0, sampler="dpmpp_2m", seed=7
)


def pixels(request: Request, stages: Stages) -> np.ndarray:
    (made,) = [
        event
        for event in pipeline.generate(request, stages, previews=False)
        if isinstance(event, PictureReady)
    ]
    return np.frombuffer(made.picture.rgb, np.uint8).astype(float)


def decibels(one: np.ndarray, other: np.ndarray) -> float:
    error = float(np.mean((one - other) ** 2))
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)


def start_picture() -> bytes:
    drawn = np.random.default_rng(1).integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(drawn).save(file, "PNG")
    return file.getvalue()


def left_half() -> bytes:
    """A mask that is white at the left."""
    mask, file = Image.new("L", SIZE), io.BytesIO()
    mask.paste(255, (0, 0, SIZE[0] // 2, SIZE[1]))
    mask.save(file, "PNG")
    return file.getvalue()


def flip(file: Path, at: float) -> None:
    data = bytearray(file.read_bytes())
    data[int(len(data) * at)] ^= 1
    file.write_bytes(data)


def vouch(folder: Path, name: str) -> None:
    """Makes model.json agree with a file that was changed, as somebody who means it would."""
    told = json.loads((folder / "model.json").read_text())
    data = (folder / name).read_bytes()
    told["files"][name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    (folder / "model.json").write_text(json.dumps(told))

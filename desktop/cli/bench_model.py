"""A model of Stable Diffusion 1.5's shape with random weights, made on the spot for measuring."""

from __future__ import annotations

import json
import shutil
import struct
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from desktop import sd15
from desktop.library.models import STARTER, find_model

NAME = "SD 1.5 shape, random weights"
_BLOCK = 2**22
_SCHEDULER = {
    "_class_name": "PNDMScheduler",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "skip_prk_steps": True,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}
_UNCHECKED = {
    "safety_checker": [None, None],
    "feature_extractor": [None, None],
    "requires_safety_checker": False,
}


def make_full_size(folder: Path, dtype: str = "F32") -> Path:
    """Writes the model into the folder: 4.3 GB as "F32", half of it as "F16". The same bytes every time."""
    from backends.core.model_folder import open_folder

    _write_configuration(folder)
    opened = open_folder(folder)
    generator = np.random.default_rng(0)
    noise = generator.standard_normal(_BLOCK, dtype=np.float32)
    for part, stem in (
        ("text_encoder", "model"),
        ("unet", "diffusion_pytorch_model"),
        ("vae", "diffusion_pytorch_model"),
    ):
        _write_weights(folder / part / f"{stem}.safetensors", _shapes(opened, part), noise, dtype)
    return folder


def make_configuration(folder: Path) -> Path:
    """The same model without its weights: enough to ask whether it would fit."""
    _write_configuration(folder)
    return folder


def _shapes(folder: Any, part: str) -> dict[str, tuple[int, ...]]:
    from backends.core.streaming_files import build_empty

    return {name: tuple(weight.shape) for name, weight in build_empty(folder, part).named_parameters()}


def _write_weights(path: Path, shapes: dict[str, tuple[int, ...]], noise: np.ndarray, dtype: str) -> None:
    """A safetensors file, tensor by tensor, so that it is never in memory."""
    number = np.dtype(np.float32 if dtype == "F32" else np.float16)
    header: dict[str, Any] = {}
    at = 0
    for name, shape in shapes.items():
        size = prod(shape) * number.itemsize
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 64)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in shapes.items():
            _write_one(file, name, shape, noise, number)


def _write_one(
    file: BinaryIO, name: str, shape: tuple[int, ...], noise: np.ndarray, number: np.dtype[Any]
) -> None:
    """Matrices keep the variance of what they multiply; norms are the identity, and biases nothing."""
    count = prod(shape)
    if len(shape) == 1:
        file.write(np.full(count, 0.0 if name.endswith("bias") else 1.0, number).tobytes())
        return
    scaled = (noise * (prod(shape[1:]) ** -0.5)).astype(number)
    for start in range(0, count, _BLOCK):
        file.write(scaled[: min(_BLOCK, count - start)].tobytes())


def _write_configuration(folder: Path) -> None:
    tokenizer = find_model(STARTER).folder / "tokenizer"
    vocabulary = json.loads((tokenizer / "vocab.json").read_text(encoding="utf-8"))
    ends = {
        "bos_token_id": vocabulary["<|startoftext|>"],
        "eos_token_id": vocabulary["<|endoftext|>"],
        "pad_token_id": vocabulary["<|endoftext|>"],
    }
    shutil.copytree(tokenizer, folder / "tokenizer", dirs_exist_ok=True)
    told = json.loads((tokenizer / "tokenizer_config.json").read_text(encoding="utf-8"))
    _write_json(folder / "tokenizer" / "tokenizer_config.json", told | {"model_max_length": 77})
    _write_json(folder / "text_encoder" / "config.json", sd15.TEXT | ends)
    _write_json(folder / "unet" / "config.json", sd15.UNET)
    _write_json(folder / "vae" / "config.json", sd15.VAE)
    _write_json(folder / "scheduler" / "scheduler_config.json", _SCHEDULER)
    _write_json(folder / "model_index.json", sd15.INDEX | _UNCHECKED)
    _write_json(folder / "model.json", {"name": NAME})


def _write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")

"""What the families' tests share: diffusers' schedulers and arguments, our picture, and how far they are."""

from __future__ import annotations

import importlib
import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from backends.core import pipeline
from backends.core.contract import PictureReady, Request, Stages
from backends.core.relay import Relay

MINIMUM_DB = 60.0
SEED, STEPS = 4711, 4
SCHEDULERS: dict[str, tuple[str, dict[str, Any]]] = {
    "euler": ("EulerDiscreteScheduler", {}),
    "euler_a": ("EulerAncestralDiscreteScheduler", {}),
    "dpmpp_2m": ("DPMSolverMultistepScheduler", {}),
    "dpmpp_2m_karras": ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
    "dpmpp_2m_sde_karras": (
        "DPMSolverMultistepScheduler",
        {"use_karras_sigmas": True, "algorithm_type": "sde-dpmsolver++"},
    ),
    "ddim": ("DDIMScheduler", {}),
    "heun": ("HeunDiscreteScheduler", {}),
    "unipc": ("UniPCMultistepScheduler", {}),
    "deis": ("DEISMultistepScheduler", {"algorithm_type": "deis"}),
    "lms": ("LMSDiscreteScheduler", {}),
    "plms": ("PNDMScheduler", {"skip_prk_steps": True}),
    "dpmpp_2s": ("DPMSolverSinglestepScheduler", {"lower_order_final": True}),
    "lcm": ("LCMScheduler", {}),
    "tcd": ("TCDScheduler", {}),
}


def scheduler_for(pipe: Any, sampler: str, **settings: Any) -> None:
    """Gives a diffusers pipeline this sampler, made from the model's own configuration."""
    name, options = SCHEDULERS[sampler]
    original = getattr(pipe, "original_config", None) or dict(pipe.scheduler.config)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipe.scheduler = getattr(importlib.import_module("diffusers"), name).from_config(
            original, **options, **settings
        )
    pipe.original_config = original


def arguments(guidance: float, steps: int = STEPS) -> dict[str, Any]:
    return {
        "negative_prompt": "snow",
        "num_inference_steps": steps,
        "guidance_scale": guidance,
        "generator": torch.Generator("cpu").manual_seed(SEED),
    }


def make(
    stages: Stages,
    size: tuple[int, int],
    start: Image.Image | None = None,
    search: tuple[Path, ...] = (),
    relay: Relay | None = None,
    **wanted: Any,
) -> np.ndarray:
    """Our picture as (height, width, 3) bytes."""
    settings: dict[str, Any] = {
        "prompt": "a panda at the beach",
        "negative_prompt": "snow",
        "steps": STEPS,
        "guidance_scale": 4.0,
        "sampler": "euler",
        "seed": SEED,
    }
    data = png_bytes(start) if start else None
    request = Request(**(settings | wanted), width=size[0], height=size[1], init_image=data)
    events = list(pipeline.generate(request, stages, previews=False, search=search, relay=relay))
    picture = next(event.picture for event in events if isinstance(event, PictureReady))
    return np.frombuffer(picture.rgb, np.uint8).reshape(picture.height, picture.width, 3)


def start_picture(side: int) -> Image.Image:
    ramp = np.linspace(0, 255, side, dtype=np.uint8)
    red, green = np.meshgrid(ramp, ramp)
    return Image.fromarray(np.stack([red, green, np.full_like(red, 90)], axis=-1))


def png_bytes(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def psnr(first: np.ndarray, second: np.ndarray) -> float:
    """Peak signal-to-noise ratio of 8-bit pictures in dB; 99 when they are equal."""
    assert first.shape == second.shape
    error = np.mean((first.astype(np.float64) - second.astype(np.float64)) ** 2)
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))

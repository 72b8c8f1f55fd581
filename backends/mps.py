"""Apple's GPU through PyTorch's MPS, on Macs with Apple silicon. Untested on hardware.

UNets compute in float16, transformers and language models in bfloat16, other text encoders and the VAE in
float32. All networks stay loaded: memory is one, so there is nowhere to move them to. What torch is known to
get wrong on this GPU is in backends/core/mps_quirks.py; a self-test looks for it at start-up
(backends/core/selftest.py).
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backends.core import mps_quirks
from backends.core.contract import BackendUnavailable, Capabilities, Stages
from backends.core.fit import Footprint
from backends.core.mps_quirks import Remedy
from backends.core.vae_tile import VAE_TILE

if TYPE_CHECKING:
    import torch

    from backends.core.model_folder import ModelFolder
    from backends.core.placement import Placement

_LEAST_MACOS = (14,)
_WATERMARKS = {"PYTORCH_MPS_HIGH_WATERMARK_RATIO": "1.0", "PYTORCH_MPS_LOW_WATERMARK_RATIO": "0.8"}
"""By default torch takes 1.7 times what Metal recommends, which is more than the machine has: it would swap
before it fails. At 1.0 it fails in time for a smaller way to be tried."""
_CAPABILITIES = Capabilities(
    id="mps",
    name="Apple GPU (MPS)",
    hardware="a Mac with Apple silicon, macOS 14 or newer",
    rank=30,
    families=("sd1", "sdxl", "sdxl_refiner", "sd3", "flux2", "sana", "zimage"),
    features=frozenset(
        {
            "text_to_image",
            "image_to_image",
            "negative_prompt",
            "clip_skip",
            "preview",
            "attention_maps",
            "controlnets",
            "refiner",
        }
    ),
    precisions=("float16",),
    options=(VAE_TILE,),
)


class Mps:
    """See the module's docstring."""

    capabilities = _CAPABILITIES
    footprint = Footprint(
        linear={"text_encoder": 4, "language_model": 2, "unet": 2, "vae": 4},
        elsewhere={"text_encoder": 4, "language_model": 2, "unet": 2, "vae": 4},
        number={"text_encoder": 4, "language_model": 2, "unet": 2, "vae": 4},
        libraries=2**29,  # the scores of one chunk of attention
    )

    def probe(self) -> str | None:
        if sys.platform != "darwin":
            return f"Apple's GPU is in Macs, and this machine runs {platform.system()}: use another backend."
        return _why_not(platform.machine(), mps_quirks.macos_version(), mps_quirks.torch_version())

    def open(self, model_folder: Path, options: Mapping[str, str]) -> Stages:
        if reason := self.probe():
            raise BackendUnavailable(reason, "Choose another backend; `mezzotint doctor` lists them.")
        for name, value in _WATERMARKS.items():
            os.environ.setdefault(name, value)
        import torch

        from backends.core.model_folder import open_folder
        from backends.core.torch_stages import open_stages

        if not torch.backends.mps.is_available():
            raise BackendUnavailable("PyTorch can't use this Mac's GPU.", "Choose the CPU backend.")
        device = torch.device("mps")
        placed = placement(open_folder(model_folder), device, _needed(device))
        return open_stages(model_folder, placed, options.get(VAE_TILE.id))


def placement(folder: ModelFolder, device: torch.device, needed: frozenset[Remedy]) -> Placement:
    """How the networks are placed, with these remedies. Tests give another device."""
    import torch

    from backends.core.mps_attention import ChunkedAttention
    from backends.core.mps_layers import DECODE_WAYS, load_contiguous
    from backends.core.parts import load_on_device
    from backends.core.placement import Placement

    is_unet = folder.class_name(folder.denoiser).startswith("UNet")
    return Placement(
        backend=_CAPABILITIES.id,
        device=device,
        text_dtype=_text_type(folder, needed),
        unet_dtype=torch.float16 if is_unet else torch.bfloat16,
        vae_dtype=torch.float32,
        free_bytes=_free_bytes,
        load=load_contiguous if Remedy.CONTIGUOUS in needed else load_on_device,
        attention=ChunkedAttention(in_float32=Remedy.FLOAT32_ATTENTION in needed),
        decode=DECODE_WAYS,
        after_picture=torch.mps.empty_cache if device.type == "mps" else _nothing,
    )


def _text_type(folder: ModelFolder, needed: frozenset[Remedy]) -> torch.dtype:
    """Language models are never told `is_causal`, which that remedy is for."""
    import torch

    from backends.core.language_models import reads_with_language_model

    if reads_with_language_model(folder):
        return torch.bfloat16
    return torch.float32 if Remedy.FLOAT32_TEXT in needed else torch.float16


@cache
def _needed(device: torch.device) -> frozenset[Remedy]:
    """What these versions need, and what the self-test finds. Raises BackendUnavailable when that fails."""
    from backends.core.selftest import examine

    found = examine(device)
    if found.wrong:
        raise BackendUnavailable(
            f"This Mac's GPU computes {_listed(found.wrong)} wrongly with the installed PyTorch.",
            "Update macOS, or choose the CPU backend.",
        )
    known = mps_quirks.remedies(mps_quirks.torch_version() or (), mps_quirks.macos_version())
    return known | found.remedies


def _why_not(machine: str, macos: mps_quirks.Version, torch: mps_quirks.Version | None) -> str | None:
    if machine != "arm64":
        return "This Mac has an Intel processor, whose GPU PyTorch no longer runs on: use the CPU backend."
    if macos < _LEAST_MACOS:
        return "Apple's GPU needs macOS 14 or newer: update macOS, or use the CPU backend."
    if torch is None:
        return "PyTorch is not installed: install Mezzotint again."
    for quirk in mps_quirks.known(torch, macos):
        if quirk.remedy is Remedy.REFUSE:
            return (
                f"With these versions {quirk.words} ({quirk.issue}): update PyTorch, or use the CPU backend."
            )
    return None


def _free_bytes() -> int:
    """What Metal recommends to use, less what arrays take, and not more than the machine has free."""
    import torch

    from backends.core.memory import available_bytes

    mps: Any = torch.mps
    free = int(mps.recommended_max_memory()) - int(mps.current_allocated_memory())
    return min(free, available_bytes())


def _listed(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _nothing() -> None:
    """There is no cache to empty on this device."""


BACKEND = Mps()

"""An NVIDIA card with little memory: weights as 8 bits, or 4. Untested on hardware.

Linear layers are bitsandbytes' LLM.int8 (or nf4), convolutions our own int8 storage
(backends/core/int8_weights.py), since SD 1.5's UNet is only a third linear. Weights go from the file to
the card tensor by tensor. What stays there between pictures is decided by its memory
(backends/core/cuda_settings.py); the text encoder never does.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backends.core.contract import BackendUnavailable, Capabilities, Option, OutOfMemory, Stages, unknown
from backends.core.cuda_driver import Card, find_cards
from backends.core.fit import Footprint
from backends.core.memory import in_words, parse_memory
from backends.core.vae_tile import VAE_TILE

if TYPE_CHECKING:
    import torch

    from backends.core.cuda_settings import CardSettings
    from backends.core.placement import Placement

_LEAST_CAPABILITY = (6, 0)
_LEAST_MEMORY = 2_900_000_000
_WEIGHTS = Option(
    id="weights",
    label="Weights",
    help="8 bits look the same; 4 bits take less memory, and pictures differ visibly.",
    choices=("automatic", "8 bit", "4 bit"),
)
_MEMORY = Option(
    id="memory",
    label="Memory",
    help="The most of the card's memory that Mezzotint may take.",
    choices=("automatic", "3GB", "4GB", "6GB", "8GB", "12GB"),
)
_CAPABILITIES = Capabilities(
    id="cuda_int8",
    name="NVIDIA, 8 bit",
    hardware="an NVIDIA card with 3 GB or more",
    rank=20,
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
    precisions=("int8", "nf4"),
    options=(_WEIGHTS, _MEMORY, VAE_TILE),
)


class CudaInt8:
    """See the module's docstring."""

    capabilities = _CAPABILITIES
    footprint = Footprint(
        linear={"text_encoder": 2, "unet": 1, "vae": 2},
        elsewhere={"text_encoder": 2, "unet": 1, "vae": 2},
        number={"text_encoder": 2, "unet": 2, "vae": 2},
        together=(),
        main_memory=False,
    )

    def probe(self) -> str | None:
        if sys.platform == "darwin":
            return "NVIDIA cards do not work with macOS: use Core ML or Apple's GPU (MPS)."
        return _why_not(find_cards()) or _what_is_missing()

    def open(self, model_folder: Path, options: Mapping[str, str]) -> Stages:
        if reason := self.probe():
            raise BackendUnavailable(reason, "Choose another backend; `mezzotint doctor` lists them.")
        bits = _bits(options.get(_WEIGHTS.id) or "automatic")
        limit = parse_memory(options.get(_MEMORY.id, ""))
        import torch

        from backends.core.cuda_settings import choose_settings
        from backends.core.model_folder import open_folder
        from backends.core.torch_stages import open_stages

        if not torch.cuda.is_available():
            raise BackendUnavailable(
                "PyTorch can't use the card, although its driver is there.", "Update NVIDIA's driver."
            )
        card, free = find_cards()[0], partial(_free_bytes, limit)
        if free() < _LEAST_MEMORY // 2:
            raise OutOfMemory(
                f"Other programs leave {in_words(max(free(), 0))} of the card's memory.",
                "Close them, or use the CPU backend.",
            )
        settings = choose_settings(open_folder(model_folder), card, free(), bits)
        placed = placement(settings, torch.device("cuda"), free)
        return open_stages(model_folder, placed, options.get(VAE_TILE.id))


def placement(settings: CardSettings, device: torch.device, free: Any) -> Placement:
    """How the networks are placed with these settings. Tests give another device."""
    import torch

    from backends.core.cuda_parts import Keeping
    from backends.core.int8_loading import load_held
    from backends.core.placement import Placement

    return Placement(
        backend=_CAPABILITIES.id,
        device=device,
        text_dtype=settings.text_dtype,
        unet_dtype=settings.unet_dtype,
        vae_dtype=settings.vae_dtype,
        free_bytes=free,
        load=load_held(settings.scheme),
        parts=partial(Keeping, keeps=settings.keeps),
        after_picture=torch.cuda.empty_cache,
        held_as=settings.scheme,
    )


def _free_bytes(limit: int | None) -> int:
    """What arrays and weights may still take; what torch holds and does not use counts as free."""
    import torch

    cuda: Any = torch.cuda
    used = int(cuda.memory_allocated())
    free = int(cuda.mem_get_info()[0]) + int(cuda.memory_reserved()) - used
    return free if limit is None else min(free, limit - used)


def _why_not(cards: list[Card]) -> str | None:
    if not cards:
        return "No NVIDIA card was found: if there is one, install NVIDIA's driver."
    card = cards[0]
    if card.capability < _LEAST_CAPABILITY:
        number = ".".join(map(str, card.capability))
        return f"The {card.name} is too old (compute capability {number} of 6.0): use the CPU backend."
    if card.memory < _LEAST_MEMORY:
        memory = in_words(card.memory)
        return f"The {card.name} has {memory} of memory, and 3 GB are needed: use the CPU backend."
    return None


def _what_is_missing() -> str | None:
    torch = find_spec("torch")
    if torch is None:
        return "PyTorch is not installed: install Mezzotint again."
    library = "torch_cuda.dll" if sys.platform == "win32" else "libtorch_cuda.so"
    if not any((Path(place) / "lib" / library).exists() for place in torch.submodule_search_locations or ()):
        return (
            "The installed PyTorch can't use NVIDIA cards: "
            "install its CUDA build, as https://pytorch.org/get-started/locally says."
        )
    if find_spec("bitsandbytes") is None:
        return "bitsandbytes is not installed: run `pip install 'mezzotint[cuda]'`."
    return None


def _bits(weights: str) -> int | None:
    known = {"automatic": None, "8 bit": 8, "4 bit": 4}
    if weights not in known:
        raise unknown("number of bits for weights", weights, known)
    return known[weights]


BACKEND = CudaInt8()

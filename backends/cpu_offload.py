"""The CPU, on every machine; and a GPU with too little memory, layer by layer.

Weights stay in their files, mapped into memory, and are given back by a budget (`memory`): see
backends/core/streaming.py. The picture does not depend on the budget, bit for bit, unless it is so
small that the picture must be developed in tiles.

On the CPU everything is computed in float32, by oneDNN (backends/core/memory_lean.py). bfloat16 is an
option where the processor multiplies it in hardware: it is faster, and its pictures differ.
On an NVIDIA card the denoiser computes in float16, a transformer or a language model in bfloat16, and
`memory` is the card's. On Apple's GPU there is
nothing to gain, as memory is one.

A small model runs on one thread: its operations are too short to share, and threads that wait for
each other on a busy machine made the starter up to ten times slower (20 steps, two cores, one of them
busy: 0.8 s with one thread, 2 to 13 s with two).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backends.core.contract import BackendUnavailable, Capabilities, InvalidRequest, Option, Stages, unknown
from backends.core.fit import plain_footprint
from backends.core.memory import fast_half, parse_memory, physical_cores
from backends.core.vae_tile import VAE_TILE

if TYPE_CHECKING:
    import torch

    from backends.core.placement import Placement

_SMALL_MODEL_BYTES = 100 * 2**20
_LIBRARIES = 520 * 10**6
"""Python, torch and diffusers once imported (480 MB), and what they make as they run (docs/cpu.md)."""
_MEMORY = Option(
    id="memory",
    label="Memory",
    help="The most memory a model may take. With less than it wants it is slower; the picture is the same.",
    choices=("automatic", "1GB", "1.5GB", "2GB", "3GB", "4GB", "6GB", "8GB"),
)
_PRECISION = Option(
    id="precision",
    label="Precision",
    help="bfloat16 is faster on processors that have it in hardware; its pictures differ a little.",
    choices=("float32", "bfloat16"),
)
_WEIGHTS = Option(
    id="weights",
    label="Weights",
    help="int8 keeps them in memory in a quarter of the room, for slow disks; pictures differ a little.",
    choices=("as stored", "int8"),
)
_DEVICE = Option(
    id="device",
    label="Computes on",
    help="An NVIDIA card computes where there is one, with weights brought to it layer by layer.",
    choices=("automatic", "cpu"),
)
_CAPABILITIES = Capabilities(
    id="cpu_offload",
    name="CPU",
    hardware="any processor",
    rank=90,
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
    precisions=("float32", "bfloat16"),
    options=(_MEMORY, _PRECISION, _WEIGHTS, _DEVICE, VAE_TILE),
    checked_on_hardware=True,
)


class CpuOffload:
    """See the module's docstring."""

    capabilities = _CAPABILITIES
    footprint = plain_footprint(4, 4, together=("unet", "vae"), streams=True, libraries=_LIBRARIES)

    def probe(self) -> str | None:
        if find_spec("torch") is None:
            return "PyTorch is not installed: install Mezzotint again."
        return None

    def open(self, model_folder: Path, options: Mapping[str, str]) -> Stages:
        if reason := self.probe():
            raise BackendUnavailable(reason, "Run the installation again.")
        limit = parse_memory(options.get(_MEMORY.id, ""))
        on_cpu = _choice(_DEVICE, options) == "cpu"
        precision, in_int8 = _choice(_PRECISION, options), _choice(_WEIGHTS, options) == "int8"
        import torch

        from backends.core.torch_stages import open_stages

        torch.set_num_threads(_threads(model_folder))
        if torch.cuda.is_available() and not on_cpu:
            return open_stages(model_folder, _on_card(limit, model_folder), options.get(VAE_TILE.id))
        placement = _on_cpu(limit, _cpu_type(precision))
        placed = _with_int8(placement, limit) if in_int8 else placement
        return open_stages(model_folder, placed, options.get(VAE_TILE.id))


def _choice(option: Option, options: Mapping[str, str]) -> str:
    value = options.get(option.id) or option.choices[0]
    if value not in option.choices:
        raise unknown(option.label.lower(), value, option.choices)
    return value


def _on_cpu(limit: int | None, unet_dtype: torch.dtype) -> Placement:
    import torch

    from backends.core.placement import Placement
    from backends.core.streaming_budget import Budget, main_memory

    budget = Budget(limit, main_memory())
    return Placement(
        backend=_CAPABILITIES.id,
        device=torch.device("cpu"),
        unet_dtype=unet_dtype,
        free_bytes=budget.bytes,
        reserve=budget.reserve,
        beside_bytes=budget.beside,
        parts=budget.parts,
    )


def _with_int8(placement: Placement, limit: int | None) -> Placement:
    from backends.core.streaming_budget import Budget, main_memory

    return replace(placement, parts=Budget(limit, main_memory()).parts_in_int8, held_as="int8")


def _on_card(limit: int | None, model_folder: Path) -> Placement:
    """Untested on hardware."""
    import torch

    from backends.core.language_models import reads_with_language_model
    from backends.core.model_folder import open_folder
    from backends.core.placement import Placement
    from backends.core.streaming_budget import Budget

    cuda: Any = torch.cuda
    folder = open_folder(model_folder)
    is_unet = folder.class_name(folder.denoiser).startswith("UNet")
    budget = Budget(limit, lambda: int(cuda.mem_get_info()[0]) + int(cuda.memory_allocated()))
    return Placement(
        backend=_CAPABILITIES.id,
        device=torch.device("cuda"),
        text_dtype=torch.bfloat16 if reads_with_language_model(folder) else torch.float16,
        unet_dtype=torch.float16 if is_unet else torch.bfloat16,
        free_bytes=budget.bytes,
        reserve=budget.reserve,
        beside_bytes=lambda: 0,  # a budget of the card can't tell another model's arrays from its own
        parts=budget.parts,
        after_picture=cuda.empty_cache,
    )


def _cpu_type(precision: str) -> torch.dtype:
    import torch

    if precision == "bfloat16" and not fast_half():
        raise InvalidRequest(
            "This processor has no bfloat16 in hardware, so it would be many times slower.", "Use float32."
        )
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


def _threads(model_folder: Path) -> int:
    """By the weights' size; a variant's are its base's (see model_folder)."""
    from backends.core.model_folder import open_folder

    folder = open_folder(model_folder)
    weights = sum(path.stat().st_size for part in folder.parts for path in folder.weight_files(part))
    return 1 if weights < _SMALL_MODEL_BYTES else physical_cores()


BACKEND = CpuOffload()

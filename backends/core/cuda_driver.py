"""Which NVIDIA cards there are, asked of the driver itself: torch need not be imported for it.

CUDA Driver API: https://docs.nvidia.com/cuda/cuda-driver-api/. Untested on hardware.
"""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass
from typing import Any

_MAJOR, _MINOR = 75, 76
"""CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR."""
_HALF_IS_BROKEN = (
    "1660", "1650", "1630", "T500", "T550", "T600", "MX550", "MX450", "CMP 30HX", "T2000", "T1000", "T1200",
)  # fmt: skip
"""Parts of names: cards with Turing's small chips, which make NaN in float16 (ComfyUI's model_management
holds the same list)."""


@dataclass(frozen=True)
class Card:
    """An NVIDIA card. `capability` is its compute capability, such as (8, 6); `memory` is in bytes."""

    name: str
    capability: tuple[int, int]
    memory: int

    @property
    def computes_half(self) -> bool:
        """Whether float16 is right on it, and faster than float32."""
        return self.capability >= (7, 0) and not any(part in self.name for part in _HALF_IS_BROKEN)

    @property
    def has_bfloat16(self) -> bool:
        return self.capability >= (8, 0)

    @property
    def multiplies_int8(self) -> bool:
        """Whether LLM.int8 runs on it: it wants Turing's tensor cores, and its sums are made in float16."""
        return self.capability >= (7, 5) and self.computes_half


def find_cards(driver: Any | None = None) -> list[Card]:
    """The cards that CUDA sees, in its order; none without a driver. `driver` stands in for the library."""
    library = _load() if driver is None else driver
    if library is None or library.cuInit(0) != 0:
        return []
    count = ctypes.c_int()
    if library.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return []
    return [card for number in range(count.value) if (card := _describe(library, number))]


def _load() -> Any | None:
    try:
        return ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return None


def _describe(library: Any, number: int) -> Card | None:
    device, memory = ctypes.c_int(), ctypes.c_size_t()
    name = ctypes.create_string_buffer(256)
    failed = (
        library.cuDeviceGet(ctypes.byref(device), number)
        or library.cuDeviceGetName(name, len(name), device)
        or library.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
    )
    if failed:
        return None
    capability = (_attribute(library, _MAJOR, device), _attribute(library, _MINOR, device))
    return Card(name.value.decode("utf-8", "replace"), capability, memory.value)


def _attribute(library: Any, attribute: int, device: ctypes.c_int) -> int:
    value = ctypes.c_int()
    library.cuDeviceGetAttribute(ctypes.byref(value), attribute, device)
    return value.value

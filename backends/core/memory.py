"""How much memory there is, how much this process takes, and giving back what it no longer needs."""

from __future__ import annotations

import ctypes
import functools
import gc
import re
import sys
from typing import Any

import psutil

from backends.core.contract import InvalidRequest

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # malloc.h
_BLOCK, _LARGEST_BLOCK = 2**20, 32 * 2**20
LEAST = 256 * 10**6
"""A budget below this can't hold even one picture's arrays and the largest layer."""


def parse_memory(text: str) -> int | None:
    """ "3GB", "1.5 GB", "800 MB", "2GiB" -> bytes; "" and "auto" -> None. Raises InvalidRequest."""
    wanted = text.strip().lower()
    if wanted in ("", "auto", "automatic"):
        return None
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([kmg]i?)?b?", wanted)
    if match is None:
        raise InvalidRequest(f"{text!r} is not an amount of memory.", "Write it like 3GB or 800MB.")
    count = int(float(match[1]) * _UNITS[match[2] or ""])
    if count < LEAST:
        raise InvalidRequest(f"{text} of memory is too little to make a picture.", "Use at least 300MB.")
    return count


def resident_bytes() -> int:
    """What this process takes of the machine's memory now, mapped files included."""
    return int(psutil.Process().memory_info().rss)


def peak_bytes() -> int | None:
    """The most this process ever took, or since `reset_peak`; None where the system does not say."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    if sys.platform.startswith("linux"):
        with open("/proc/self/status", encoding="ascii") as status:
            return next((int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM")), None)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS


def reset_peak() -> bool:
    """Starts `peak_bytes` anew. Linux only: elsewhere False, and a peak needs a process of its own."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    except OSError:
        return False
    return True


def available_bytes() -> int:
    """What the machine could give to programs without swapping."""
    return int(psutil.virtual_memory().available)


def trim() -> None:
    """Gives freed memory back to the system, that of forgotten cycles too."""
    gc.collect()
    give_back_freed()


def give_back_freed() -> None:
    """Gives freed memory back to the system. glibc keeps freed blocks below 32 MB for itself otherwise."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


def keep_no_garbage() -> None:
    """From now on what is freed goes back to the system at once, where glibc is the allocator.

    It keeps freed blocks below 32 MB otherwise, and the holes between them were 0.6 GB at SD 1.5's size.
    """
    _keep_blocks(_BLOCK, _BLOCK)


def keep_garbage() -> None:
    """From now on freed blocks below 32 MB are kept for the next, as glibc does by itself: it is faster."""
    _keep_blocks(_LARGEST_BLOCK, 2 * _LARGEST_BLOCK)


def _keep_blocks(smaller_than: int, in_all: int) -> None:
    library = _glibc()
    if library is not None:
        library.mallopt(_MMAP_THRESHOLD, smaller_than)
        library.mallopt(_TRIM_THRESHOLD, in_all)


@functools.cache
def _glibc() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    try:
        library = ctypes.CDLL(None)
        return library if hasattr(library, "malloc_trim") else None
    except OSError:
        return None


def physical_cores() -> int:
    """Threads beyond the physical cores make matrix products slower, not faster."""
    return psutil.cpu_count(logical=False) or 1


def fast_half() -> bool:
    """Whether this processor multiplies bfloat16 in hardware (AMX or AVX512-BF16)."""
    import torch

    cpu: Any = torch.cpu
    return bool(cpu._is_amx_tile_supported() or cpu._is_avx512_bf16_supported())


def in_words(count: int) -> str:
    """Bytes for a person: "1.5 GB", "320 MB"."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(count, 10**6) / 1e6:.0f} MB"

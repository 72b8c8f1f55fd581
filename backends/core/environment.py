"""How the libraries are to behave in a process of ours. Standard library only, for use before them."""

from __future__ import annotations

import os

from backends.core.contract import OutOfMemory

_SETTINGS = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "DIFFUSERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
}
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "failed to allocate")


def be_offline() -> None:
    """Before the libraries are imported: they reach for the network and talk to the terminal otherwise.

    With MEZZOTINT_HOME set, the folder that torch makes when it is imported is put there too.
    """
    os.environ.update(_SETTINGS)
    if home := os.environ.get("MEZZOTINT_HOME"):
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", os.path.join(home, "cache", "torch"))


def out_of_memory(error: BaseException) -> OutOfMemory | None:
    """Our error for one by which Python or torch says that memory ran out, or None."""
    if not isinstance(error, MemoryError) and not any(sign in str(error).lower() for sign in _OUT_OF_MEMORY):
        return None
    return OutOfMemory(
        "There is not enough memory for this picture.", "Use a smaller size, or close other programs."
    )

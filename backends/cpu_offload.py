"""The CPU: works on every machine, needs no graphics card.

Computes in float32. Weights are held in memory. A small model runs on one thread: its operations
are too short to share, and threads that wait for each other on a busy machine made the starter up
to ten times slower (20 steps, two cores, one of them busy: 0.8 s with one thread, 2 to 13 s with two).
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from backends.core.contract import BackendUnavailable, Capabilities, Stages

_SMALL_MODEL_BYTES = 100 * 2**20
_CAPABILITIES = Capabilities(
    id="cpu_offload",
    name="CPU",
    hardware="any processor",
    rank=90,
    families=("sd1",),
    features=frozenset({"text_to_image", "image_to_image", "negative_prompt", "clip_skip", "preview"}),
    precisions=("float32",),
    checked_on_hardware=True,
)


class CpuOffload:
    """See the module's docstring."""

    capabilities = _CAPABILITIES

    def probe(self) -> str | None:
        if find_spec("torch") is None:
            return "PyTorch is not installed: install Mezzotint again."
        return None

    def open(self, model_folder: Path, options: Mapping[str, str]) -> Stages:
        if reason := self.probe():
            raise BackendUnavailable(reason, "Run the installation again.")
        import psutil
        import torch

        from backends.core.torch_stages import Placement, open_stages

        torch.set_num_threads(_threads(model_folder, psutil.cpu_count(logical=False)))
        placement = Placement(
            backend=_CAPABILITIES.id,
            device=torch.device("cpu"),
            free_bytes=lambda: int(psutil.virtual_memory().available),
        )
        return open_stages(model_folder, placement)


def _threads(model_folder: Path, cores: int | None) -> int:
    weights = sum(path.stat().st_size for path in model_folder.rglob("*.safetensors"))
    return 1 if weights < _SMALL_MODEL_BYTES else cores or 1


BACKEND = CpuOffload()

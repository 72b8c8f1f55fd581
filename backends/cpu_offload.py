"""The CPU: works on every machine, needs no graphics card.

Computes in float32. Weights are held in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from backends.core.contract import BackendUnavailable, Capabilities, Stages

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

        placement = Placement(
            backend=_CAPABILITIES.id,
            device=torch.device("cpu"),
            free_bytes=lambda: int(psutil.virtual_memory().available),
        )
        return open_stages(model_folder, placement)


BACKEND = CpuOffload()

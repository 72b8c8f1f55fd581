"""The depth network that a model folder brings, in the layout of diffusers' StableDiffusionDepth2ImgPipeline.

Its parts are "depth_estimator" (transformers' DPT) and "feature_extractor". Standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

NETWORK, PREPARING = "depth_estimator", "feature_extractor"
PARTS = (NETWORK, PREPARING)
_FILES = {"model.safetensors": None, "model.fp16.safetensors": "fp16"}
"""What its weights are called, and transformers' name of that variant; the first that is there is taken."""


@dataclass(frozen=True)
class OwnDepth:
    """`folder` holds the network, `preparing` what a picture is made ready by, `weights` is the file."""

    folder: Path
    preparing: Path
    weights: Path
    variant: str | None

    @property
    def float32_bytes(self) -> int:
        """What its weights take as they are run, about."""
        return self.weights.stat().st_size * (2 if self.variant else 1)


def network_of(model: Path) -> OwnDepth | None:
    """The network in a model's folder; None where it isn't, or only as a pickle, which is not opened."""
    folder, preparing = (model / part for part in PARTS)
    known = (folder / "config.json", preparing / "preprocessor_config.json")
    if not all(path.is_file() for path in known):
        return None
    there = ((folder / name, variant) for name, variant in _FILES.items())
    return next((OwnDepth(folder, preparing, *each) for each in there if each[0].is_file()), None)

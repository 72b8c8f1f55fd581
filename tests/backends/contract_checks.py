"""What every backend must do, whatever its hardware: asked through the contract alone."""

from __future__ import annotations

from pathlib import Path

import torch

from backends import families
from backends.core import pipeline
from backends.core.contract import Backend, Finished, PictureReady, Request, Stages


def check_what_it_says(backend: Backend) -> None:
    """Capabilities are plain and complete; a reason for not running is a sentence with something to do."""
    able, reason = backend.capabilities, backend.probe()
    assert able.id.isidentifier()
    assert able.name
    assert able.hardware
    assert able.precisions
    assert {"text_to_image"} <= able.features
    assert set(able.families) <= {family.id for family in families.all_families()}
    assert all(option.label and option.help for option in able.options)
    if reason is not None:
        assert len(reason.split()) > 5
        assert reason.endswith(".")


def check_stages(backend: Backend, model: Path) -> None:
    """Shapes, types and one picture for one request; closing twice does no harm."""
    stages = backend.open(model, {})
    conditioning = stages.encode_text("a cat", 0)
    check_arrays(stages, dict(conditioning.tensors))
    assert stages.provenance["backend"] == backend.capabilities.id
    assert {"model_hash", "precision"} <= stages.provenance.keys()
    assert picture(stages) == picture(stages)
    stages.close()
    stages.close()


def check_arrays(stages: Stages, tensors: dict[str, torch.Tensor]) -> None:
    """Everything that goes in and comes out is float32 on the CPU."""
    latents = torch.zeros(stages.facts.latent_shape(64, 96))
    mean, deviation = stages.encode_image(torch.zeros(1, 3, 96, 64))
    results = {
        "denoise": (stages.denoise(latents, 500.0, tensors), latents.shape),
        "decode": (stages.decode(latents), (1, 3, 96, 64)),
        "mean": (mean, latents.shape),
        "deviation": (deviation, latents.shape),
    }
    for name, (array, shape) in results.items():
        assert tuple(array.shape) == tuple(shape), name
        assert array.dtype == torch.float32, name
        assert array.device.type == "cpu", name


def picture(stages: Stages) -> bytes:
    """The pixels of one small request."""
    request = Request(
        prompt="a cat", width=64, height=64, steps=2, guidance_scale=3.0, sampler="euler_a", seed=5
    )
    events = list(pipeline.generate(request, stages, previews=False))
    assert isinstance(events[-1], Finished)
    return next(event.picture.rgb for event in events if isinstance(event, PictureReady))

"""What the configuration of a transformer model says, for the families that are built alike."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backends.core import autoencoders, flow
from backends.core.contract import Defaults, ModelFacts


def transformer_facts(
    family: str,
    folder: Path,
    configs: Mapping[str, Mapping[str, Any]],
    manifest: Mapping[str, Any],
    *,
    usual: Mapping[str, Any],
    channels: int,
    scale: int,
    token_limit: int,
    samplers: tuple[str, ...] = flow.SAMPLERS,
    **others: Any,
) -> ModelFacts:
    """The facts of a model that predicts a flow. `usual` are its defaults where model.json says nothing else.

    `channels` and `scale` are those of the latents; `others` are further fields of ModelFacts.
    """
    vae = configs["vae"]
    wanted = {"sampler": "euler", **usual, **manifest.get("defaults", {})}
    return ModelFacts(
        name=str(manifest.get("name", folder.name)),
        family=family,
        folder=folder,
        latent_channels=channels,
        latent_scale=scale,
        scaling_factor=float(vae.get("scaling_factor") or 1.0),
        shift_factor=float(vae.get("shift_factor") or 0.0),
        prediction_type="flow_prediction",
        token_limit=token_limit,
        scheduler_config=configs["scheduler"],
        defaults=Defaults(
            width=int(wanted["width"]),
            height=int(wanted["height"]),
            steps=int(wanted["steps"]),
            guidance_scale=float(wanted["guidance_scale"]),
            sampler=str(wanted["sampler"]),
        ),
        samplers=samplers,
        **others,
    )


def vae_scale(vae: Mapping[str, Any]) -> int:
    """Pixels a latent's side."""
    return autoencoders.scale(vae)

"""What the configuration of a UNet model says, for the families that are built alike."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from backends.core import few_steps, own_depth
from backends.core.contract import BrokenModel, Defaults, ModelFacts

_FALLBACK_LIMIT = 77
_TOLD_DEPTH = ("sd1",)
"""Families that have models for depth: their UNet takes latents and one channel of depth. One for inpainting
takes latents, one channel of mask, and latents of what is known."""


def unet_facts(
    family: str,
    folder: Path,
    configs: Mapping[str, Mapping[str, Any]],
    manifest: Mapping[str, Any],
    *,
    usual: Mapping[str, Any],
    scaling_factor: float,
    **others: Any,
) -> ModelFacts:
    """The facts of a model of CLIP, UNet and KL autoencoder. Raises BrokenModel for a UNet of another width.

    `usual` are the family's steps, guidance_scale and sampler, and `scaling_factor` its VAE's, where the
    model says nothing else; `others` are further fields of ModelFacts.
    """
    unet, vae, name = configs["unet"], configs["vae"], str(manifest.get("name", folder.name))
    channels = int(vae.get("latent_channels", 4))
    beside = int(unet.get("in_channels", channels)) - channels
    takes_mask, takes_depth = beside == channels + 1, beside == 1 and family in _TOLD_DEPTH
    if beside and not takes_mask and not takes_depth:
        raise _too_wide(folder, channels + beside, channels)
    scale = 2 ** (len(vae["block_out_channels"]) - 1)
    embedding, told = int(unet.get("time_cond_proj_dim") or 0), manifest.get("defaults", {})
    few = few_steps.of_model(_names(folder, name, configs), configs["scheduler"], embedding > 0)
    wanted: Mapping[str, Any] = {**usual, **(few.settings if few else {}), **cast(Mapping[str, Any], told)}
    return ModelFacts(
        name=name,
        family=family,
        folder=folder,
        latent_channels=channels,
        latent_scale=scale,
        scaling_factor=float(vae.get("scaling_factor", scaling_factor)),
        prediction_type=str(configs["scheduler"].get("prediction_type", "epsilon")),
        token_limit=_token_limit(configs["tokenizer" if "tokenizer" in configs else "tokenizer_2"]),
        guidance_embedding=embedding,
        takes_mask=takes_mask,
        takes_depth=takes_depth,
        finds_depth=takes_depth and own_depth.network_of(folder) is not None,
        scheduler_config={**configs["scheduler"], **(few.scheduler if few else {})},
        defaults=_defaults(unet, scale, wanted),
        **others,
    )


def _names(folder: Path, name: str, configs: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What the model is called: by itself, its folder, a hub's cache, and its UNet's configuration."""
    cached = [part for part in folder.parts if part.startswith("models--")]
    return [name, folder.name, *cached, str(configs["unet"].get("_name_or_path", ""))]


def _too_wide(folder: Path, taken: int, made: int) -> BrokenModel:
    return BrokenModel(
        f"The UNet in {folder} takes {taken} channels and the VAE makes {made}: "
        "it is an editing model or the like, which this version can't run.",
        "Use the plain version of the model.",
    )


def _token_limit(tokenizer: Mapping[str, Any]) -> int:
    limit = int(tokenizer.get("model_max_length", _FALLBACK_LIMIT))
    return limit if limit < 10_000 else _FALLBACK_LIMIT


def _defaults(unet: Mapping[str, Any], scale: int, wanted: Mapping[str, Any]) -> Defaults:
    size = unet.get("sample_size") or 64
    rows, columns = cast(list[int], size) if isinstance(size, list) else (int(size), int(size))
    return Defaults(
        width=int(wanted.get("width", columns * scale)),
        height=int(wanted.get("height", rows * scale)),
        steps=int(wanted["steps"]),
        guidance_scale=float(wanted["guidance_scale"]),
        sampler=str(wanted["sampler"]),
    )

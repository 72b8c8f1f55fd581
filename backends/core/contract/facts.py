"""What a model is, read from its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backends.core.contract.requests import Request

NEGATIVE = "negative_"
"""Before the names of a negative prompt's conditioning, where it can't be one batch with the prompt's."""


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """The settings a model looks best with. Raises InvalidRequest for ones that can't be used."""

    width: int
    height: int
    steps: int
    guidance_scale: float
    sampler: str

    def __post_init__(self) -> None:
        Request(**vars(self), seed=0)


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """What a checkpoint contains, read from its configuration files.

    `latent_channels` and `latent_scale` (pixels a latent's side) give the latents' shape
    (1, C, height / scale, width / scale); the sides of a picture are multiples of `size_step` pixels.
    Scaled latents are `scaling_factor` times what the VAE makes less `shift_factor`.
    `prediction_type` is "epsilon", "v_prediction", "sample" or "flow_prediction".
    `samplers`: those that it can be used with; empty: all that are for its kind of prediction.
    `guidance_embedding` is the width of the guidance embedding that a distilled network takes in place of
    classifier-free guidance, or 0. `zero_negative`: an empty negative prompt is zeros, not what the text
    encoder makes of it. `half_vae`: whether the VAE can compute in float16 without overflowing.
    `takes_mask`: an inpainting model, whose denoiser takes a mask and the masked picture's latents, too.
    `takes_depth`: its denoiser is told how near each place of the start picture is. `finds_depth`: whether it
    brings a network that finds that.
    `latent_patch`: so many places a side of the autoencoder's latents are one of these, with as many more
    channels. `takes_guidance`: False where a distilled model knows no guidance, and a scale is not used.
    `takes_references`: whether its denoiser looks at reference pictures. `takes_controls`: whether
    ControlNets can guide it.
    `ragged_prompts`: a prompt's conditioning is as long as the prompt, and not filled up: then the negative
    prompt's has names of its own, NEGATIVE and the names of the prompt's.
    `refines`: the families whose pictures it finishes, for a model that is made for the last steps only.
    `has_refiner`: whether there is such a model for this one.
    """

    name: str
    family: str
    folder: Path
    latent_channels: int
    latent_scale: int
    scaling_factor: float
    prediction_type: str
    token_limit: int
    guidance_embedding: int = 0
    zero_negative: bool = False
    half_vae: bool = True
    shift_factor: float = 0.0
    size_step: int = 8
    samplers: tuple[str, ...] = ()
    takes_mask: bool = False
    takes_depth: bool = False
    finds_depth: bool = False
    latent_patch: int = 1
    takes_guidance: bool = True
    takes_references: bool = False
    takes_controls: bool = False
    ragged_prompts: bool = False
    refines: tuple[str, ...] = ()
    has_refiner: bool = False
    scheduler_config: Mapping[str, Any] = field(repr=False)
    defaults: Defaults

    def latent_shape(self, width: int, height: int) -> tuple[int, int, int, int]:
        return (1, self.latent_channels, height // self.latent_scale, width // self.latent_scale)

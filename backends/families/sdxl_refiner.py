"""Stable Diffusion XL's refiner: a UNet for the last steps, told how beautiful the picture is to be.

It has one text encoder, SDXL's second, and its own UNet; latents and noise schedule are SDXL's, so that it
can go on where a model of that family stops, or start from a picture. Its size conditioning is five numbers:
the original size, the corner it was cropped from, and an aesthetic score, another for the negative prompt.
Podell et al. 2023, arXiv:2307.01952, section 2.5; the scores are diffusers' own defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backends.core.contract import ModelFacts
from backends.core.unet_facts import unet_facts
from backends.families.sdxl import StableDiffusionXL

if TYPE_CHECKING:
    from torch import Tensor

_PARTS = {
    "text_encoder_2": ("transformers", "CLIPTextModelWithProjection"),
    "unet": ("diffusers", "UNet2DConditionModel"),
    "vae": ("diffusers", "AutoencoderKL"),
}
_OTHER_PARTS = ("scheduler", "tokenizer_2")
_SCORE, _NEGATIVE_SCORE = 6.0, 2.5
_NUMBERS = 5


class StableDiffusionXLRefiner(StableDiffusionXL):
    """See the module's docstring."""

    id = "sdxl_refiner"

    def matches(self, index: Mapping[str, Any], configs: Mapping[str, Mapping[str, Any]]) -> bool:
        named = all(index.get(part) == [library, name] for part, (library, name) in _PARTS.items())
        whole = named and {*_PARTS, *_OTHER_PARTS} <= set(configs) and "text_encoder" not in configs
        return whole and bool(index.get("requires_aesthetics_score"))

    def facts(
        self,
        folder: Path,
        index: Mapping[str, Any],
        configs: Mapping[str, Mapping[str, Any]],
        manifest: Mapping[str, Any],
    ) -> ModelFacts:
        return unet_facts(
            self.id,
            folder,
            configs,
            manifest,
            usual={"steps": 30, "guidance_scale": 5.0, "sampler": "dpmpp_2m_karras"},
            scaling_factor=0.13025,
            zero_negative=bool(index.get("force_zeros_for_empty_prompt", True)),
            half_vae=configs["vae"].get("force_upcast", True) is False,
            refines=("sdxl",),
        )

    def conditioning_shapes(
        self, configs: Mapping[str, Mapping[str, Any]], tokens: int
    ) -> Mapping[str, tuple[int, ...]]:
        unet = configs["unet"]
        text = int(unet["projection_class_embeddings_input_dim"])
        text -= _NUMBERS * int(unet["addition_time_embed_dim"])
        plain = super().conditioning_shapes(configs, tokens)
        return {**plain, "text_embeds": (text,), "time_ids": (_NUMBERS,)}

    def size_conditioning(self, width: int, height: int) -> Mapping[str, Tensor]:
        """`time_ids`, (2, 5): the negative prompt's and the prompt's."""
        import torch

        told = [[height, width, 0, 0, score] for score in (_NEGATIVE_SCORE, _SCORE)]
        return {"time_ids": torch.tensor(told, dtype=torch.float32)}


FAMILY = StableDiffusionXLRefiner()

"""Stable Diffusion XL: two CLIP text encoders, a UNet that is told the picture's size, a KL autoencoder.

Both encoders give the layer before their last; the second also gives one vector for the whole text, its
first chunk's. An empty negative prompt is zeros where model_index.json says so. The VAE overflows float16
unless its configuration says that it was mended. SDXL-Turbo, Lightning and their kin are of this family.
Podell et al. 2023, arXiv:2307.01952.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from backends.core import chunks
from backends.core.contract import Conditioning, DeepTextEncoder, ModelFacts, TextEncoder
from backends.core.unet_facts import unet_facts
from backends.core.unet_family import UNetFamily

if TYPE_CHECKING:
    from torch import Tensor

    from backends.core.chunks import Chunk

_PARTS = {
    "text_encoder": ("transformers", "CLIPTextModel"),
    "text_encoder_2": ("transformers", "CLIPTextModelWithProjection"),
    "unet": ("diffusers", "UNet2DConditionModel"),
    "vae": ("diffusers", "AutoencoderKL"),
}
_OTHER_PARTS = ("scheduler", "tokenizer", "tokenizer_2")


class StableDiffusionXL(UNetFamily):
    """See the module's docstring."""

    id = "sdxl"

    def matches(self, index: Mapping[str, Any], configs: Mapping[str, Mapping[str, Any]]) -> bool:
        named = all(index.get(part) == [library, name] for part, (library, name) in _PARTS.items())
        return named and {*_PARTS, *_OTHER_PARTS} <= set(configs)

    def facts(
        self,
        folder: Path,
        index: Mapping[str, Any],
        configs: Mapping[str, Mapping[str, Any]],
        manifest: Mapping[str, Any],
    ) -> ModelFacts:
        facts = unet_facts(
            self.id,
            folder,
            configs,
            manifest,
            usual={"steps": 30, "guidance_scale": 6.0, "sampler": "dpmpp_2m_karras"},
            scaling_factor=0.13025,
            zero_negative=bool(index.get("force_zeros_for_empty_prompt", True)),
            half_vae=configs["vae"].get("force_upcast", True) is False,
            takes_controls=True,
        )
        return replace(facts, has_refiner=not facts.takes_mask)

    def encode_text(
        self, encoders: Sequence[TextEncoder], tokenizers: Sequence[Any], text: str, clip_skip: int
    ) -> Conditioning:
        """`encoder_hidden_states`: (1, tokens, both widths), and `text_embeds`: (1, projection)."""
        readings = [chunks.read(tokenizer, text) for tokenizer in tokenizers]
        pooled: list[Tensor] = []

        def layer_of(encoder: DeepTextEncoder, chunk: Chunk) -> Tensor:
            hidden, projected = encoder.penultimate(chunk.ids, clip_skip)
            if projected is not None:
                pooled.append(projected)
            return hidden

        import torch

        pairs = zip(readings, cast(Sequence[DeepTextEncoder], encoders), strict=True)
        hidden = [chunks.encode(each, lambda chunk, by=by: layer_of(by, chunk)) for each, by in pairs]
        tensors = {"encoder_hidden_states": torch.cat(hidden, dim=-1), "text_embeds": pooled[0]}
        first = readings[0]
        return Conditioning(tensors, first.tokens, places=first.places, weights=first.weights)

    def size_conditioning(self, width: int, height: int) -> Mapping[str, Tensor]:
        """`time_ids`: original size, the corner it was cropped from, and size, rows before columns."""
        import torch

        return {"time_ids": torch.tensor([[height, width, 0, 0, height, width]], dtype=torch.float32)}


FAMILY = StableDiffusionXL()

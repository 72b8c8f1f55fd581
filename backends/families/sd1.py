"""Stable Diffusion 1.x and 2.x: one CLIP text encoder, a UNet with cross-attention, a KL autoencoder.

Prediction is epsilon or v, with or without zero terminal SNR, as the scheduler's configuration
says. The starter model is of this family.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backends.core import chunks
from backends.core.contract import Conditioning, ModelFacts, TextEncoder
from backends.core.unet_facts import unet_facts
from backends.core.unet_family import UNetFamily

if TYPE_CHECKING:
    from torch import Tensor

_PARTS = {
    "text_encoder": ("transformers", "CLIPTextModel"),
    "unet": ("diffusers", "UNet2DConditionModel"),
    "vae": ("diffusers", "AutoencoderKL"),
}
_OTHER_PARTS = ("scheduler", "tokenizer")


class StableDiffusion1(UNetFamily):
    """See the module's docstring."""

    id = "sd1"

    def matches(self, index: Mapping[str, Any], configs: Mapping[str, Mapping[str, Any]]) -> bool:
        named = all(index.get(part) == [library, name] for part, (library, name) in _PARTS.items())
        return named and {*_PARTS, *_OTHER_PARTS} <= set(configs) and "text_encoder_2" not in configs

    def facts(
        self,
        folder: Path,
        index: Mapping[str, Any],
        configs: Mapping[str, Mapping[str, Any]],
        manifest: Mapping[str, Any],
    ) -> ModelFacts:
        usual = {"steps": 20, "guidance_scale": 7.0, "sampler": "dpmpp_2m"}
        return unet_facts(
            self.id, folder, configs, manifest, usual=usual, scaling_factor=0.18215, takes_controls=True
        )

    def encode_text(
        self, encoders: Sequence[TextEncoder], tokenizers: Sequence[Any], text: str, clip_skip: int
    ) -> Conditioning:
        """One tensor, `encoder_hidden_states`: (1, token limit a chunk, width)."""
        reading = chunks.read(tokenizers[0], text)
        hidden = chunks.encode(reading, lambda chunk: encoders[0](chunk.ids, chunk.mask, clip_skip))
        tensors = {"encoder_hidden_states": hidden}
        return Conditioning(tensors, reading.tokens, places=reading.places, weights=reading.weights)

    def size_conditioning(self, width: int, height: int) -> Mapping[str, Tensor]:
        return {}


FAMILY = StableDiffusion1()

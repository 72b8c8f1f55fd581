"""FLUX.2 klein: a language model (Qwen3) reads the prompt, a transformer, a KL autoencoder.

The prompt is a question in a chat; the transformer is given three of the language model's layers side by
side, of 512 tokens, the padding too. The picture is places in a row, each with its row and column; reference
pictures are more places, of another time. Distilled models take no guidance.
Black Forest Labs 2025, https://github.com/black-forest-labs/flux2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from backends.core.contract import Conditioning, LanguageEncoder, ModelFacts, TextEncoder
from backends.core.emphasis import read_weights
from backends.core.llm_text import read
from backends.core.transformer_facts import transformer_facts, vae_scale

if TYPE_CHECKING:
    from torch import Tensor

_PARTS = {
    "text_encoder": ("transformers", "Qwen3ForCausalLM"),
    "transformer": ("diffusers", "Flux2Transformer2DModel"),
    "vae": ("diffusers", "AutoencoderKLFlux2"),
}
_OTHER_PARTS = ("scheduler", "tokenizer")
_TOKENS = 512
_LAYERS = (9, 18, 27)
_BEFORE, _AFTER = "<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
"""Qwen3's chat around a question that is to be answered without thinking."""
_PATCH = 2
_REFERENCE = "reference_"
_BETWEEN = 10
"""Time between the picture and the first reference picture, and between these."""


class Flux2Klein:
    """See the module's docstring."""

    id = "flux2"

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
        distilled = bool(index.get("is_distilled", False))
        settings = {"steps": 4, "guidance_scale": 1.0} if distilled else {"steps": 50, "guidance_scale": 4.0}
        scale = vae_scale(configs["vae"]) * _PATCH
        scheduler = {**configs["scheduler"], "schedule": "by size and steps"}
        return transformer_facts(
            self.id,
            folder,
            {**configs, "scheduler": scheduler},
            manifest,
            usual={"width": 1024, "height": 1024, **settings},
            channels=int(configs["transformer"]["in_channels"]),
            scale=scale,
            token_limit=_TOKENS,
            size_step=scale,
            latent_patch=_PATCH,
            takes_guidance=not distilled,
            takes_references=True,
            half_vae=False,
        )

    def encode_text(
        self, encoders: Sequence[TextEncoder], tokenizers: Sequence[Any], text: str, clip_skip: int
    ) -> Conditioning:
        """`encoder_hidden_states`: (1, 512, three widths)."""
        words = "".join(piece.text for piece in read_weights(text))
        reading = read(tokenizers[0], words, _BEFORE, _AFTER, _TOKENS)
        encoder = cast(LanguageEncoder, encoders[0])
        hidden = encoder.layers(reading.ids, reading.mask, _LAYERS)
        return Conditioning({"encoder_hidden_states": hidden}, reading.tokens, reading.cut)

    def embedding_width(self, part: str, config: Mapping[str, Any]) -> int:
        return 0

    def predict(self, network: Any, latents: Tensor, time: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        """`inputs` may hold reference_0, reference_1 ...: latents of pictures, (B, C, h, w)."""
        import torch

        told = inputs["encoder_hidden_states"]
        pictures = [latents, *(inputs[name] for name in sorted(inputs) if name.startswith(_REFERENCE))]
        places = [_places(each, _BETWEEN * number) for number, each in enumerate(pictures)]
        predicted = network(
            torch.cat([each.flatten(2).transpose(1, 2) for each in pictures], dim=1),
            encoder_hidden_states=told,
            timestep=(time / 1000).expand(len(latents)).to(latents.dtype),
            img_ids=torch.cat(places),
            txt_ids=_words(told),
            guidance=None,
            return_dict=False,
        )[0]
        own = predicted[:, : latents.shape[-2] * latents.shape[-1]]
        return own.transpose(1, 2).reshape(latents.shape)

    def conditioning_shapes(
        self, configs: Mapping[str, Mapping[str, Any]], tokens: int
    ) -> Mapping[str, tuple[int, ...]]:
        return {"encoder_hidden_states": (tokens, int(configs["transformer"]["joint_attention_dim"]))}

    def size_conditioning(self, width: int, height: int) -> Mapping[str, Tensor]:
        return {}


def _places(latents: Tensor, time: int) -> Tensor:
    """Time, row, column and 0 of each place, (h * w, 4)."""
    import torch

    height, width = latents.shape[-2:]
    sides = (torch.arange(side, device=latents.device) for side in (height, width))
    rows, columns = (each.flatten() for each in torch.meshgrid(*sides, indexing="ij"))
    return torch.stack([torch.full_like(rows, time), rows, columns, torch.zeros_like(rows)], dim=1)


def _words(hidden: Tensor) -> Tensor:
    """The same of words: nothing but one place after the other, (tokens, 4)."""
    import torch

    return torch.nn.functional.pad(torch.arange(hidden.shape[1], device=hidden.device)[:, None], (3, 0))


FAMILY = Flux2Klein()

"""Stable Diffusion 3 and 3.5: two CLIP text encoders and T5, a transformer (MMDiT), a KL autoencoder.

T5 may be absent: then its part of the conditioning is zeros, as diffusers has it, and what CLIP can't read is
cut. Weights like (words:1.2) count for CLIP; T5 reads the words. Esser et al. 2024, arXiv:2403.03206.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from backends.core import chunks
from backends.core.contract import Conditioning, DeepTextEncoder, ModelFacts, TextEncoder
from backends.core.emphasis import read_weights
from backends.core.transformer_facts import transformer_facts, vae_scale

if TYPE_CHECKING:
    from torch import Tensor

_PARTS = {
    "text_encoder": ("transformers", "CLIPTextModelWithProjection"),
    "text_encoder_2": ("transformers", "CLIPTextModelWithProjection"),
    "transformer": ("diffusers", "SD3Transformer2DModel"),
    "vae": ("diffusers", "AutoencoderKL"),
}
_OTHER_PARTS = ("scheduler", "tokenizer", "tokenizer_2")
_T5_TOKENS = 256
_CLIP_TOKENS = 77


class StableDiffusion3:
    """See the module's docstring."""

    id = "sd3"

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
        scale = vae_scale(configs["vae"])
        transformer = configs["transformer"]
        side = int(transformer.get("sample_size", 128)) * scale
        return transformer_facts(
            self.id,
            folder,
            configs,
            manifest,
            usual={"width": side, "height": side, "steps": 40, "guidance_scale": 4.5},
            channels=int(transformer["in_channels"]),
            scale=scale,
            token_limit=_CLIP_TOKENS + _T5_TOKENS,
            size_step=scale * int(transformer.get("patch_size", 2)),
        )

    def encode_text(
        self, encoders: Sequence[TextEncoder], tokenizers: Sequence[Any], text: str, clip_skip: int
    ) -> Conditioning:
        """`encoder_hidden_states`: (1, CLIP's tokens and 256 of T5, width), and `pooled_projections`: (1, P).

        Without T5 its zeros are as wide as both CLIPs together, and the transformer's own width is made by
        `predict`.
        """
        import torch

        clip, pooled = _clip(cast(Sequence[DeepTextEncoder], encoders[:2]), tokenizers[:2], text, clip_skip)
        if len(encoders) < 3:
            t5 = torch.zeros(1, _T5_TOKENS, clip.shape[-1])
            tokens, cut = _split(tokenizers[0], chunks.read(tokenizers[0], text))
        else:
            t5, tokens, cut = _t5(encoders[2], tokenizers[2], text)
        hidden = torch.cat([_widened(clip, t5.shape[-1]), t5], dim=1)
        tensors = {"encoder_hidden_states": hidden, "pooled_projections": pooled}
        return Conditioning(tensors, tokens, cut)

    def embedding_width(self, part: str, config: Mapping[str, Any]) -> int:
        return 0 if part == "text_encoder_3" else int(config["hidden_size"])

    def predict(self, network: Any, latents: Tensor, time: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        hidden = _widened(inputs["encoder_hidden_states"], int(network.config.joint_attention_dim))
        wanted = {**inputs, "encoder_hidden_states": hidden}
        return network(latents, timestep=time.expand(len(latents)), return_dict=False, **wanted)[0]

    def conditioning_shapes(
        self, configs: Mapping[str, Mapping[str, Any]], tokens: int
    ) -> Mapping[str, tuple[int, ...]]:
        config = configs["transformer"]
        return {
            "encoder_hidden_states": (tokens, int(config["joint_attention_dim"])),
            "pooled_projections": (int(config["pooled_projection_dim"]),),
        }

    def size_conditioning(self, width: int, height: int) -> Mapping[str, Tensor]:
        return {}


def _clip(
    encoders: Sequence[DeepTextEncoder], tokenizers: Sequence[Any], text: str, clip_skip: int
) -> tuple[Tensor, Tensor]:
    """Both CLIPs' hidden states side by side, (1, 77, both widths), and their pooled texts, (1, both)."""
    import torch

    hidden: list[Tensor] = []
    pooled: list[Tensor] = []

    def layer_of(encoder: DeepTextEncoder, chunk: chunks.Chunk) -> Tensor:
        layer, projected = encoder.penultimate(chunk.ids, clip_skip)
        assert projected is not None
        projections.append(projected)
        return layer

    for encoder, tokenizer in zip(encoders, tokenizers, strict=True):
        projections: list[Tensor] = []
        reading = chunks.read(tokenizer, text)
        reading = replace(reading, chunks=reading.chunks[:1])  # this kind of model was trained on no more
        hidden.append(chunks.encode(reading, lambda chunk, by=encoder: layer_of(by, chunk)))
        pooled.append(projections[0])
    return torch.cat(hidden, dim=-1), torch.cat(pooled, dim=-1)


def _split(tokenizer: Any, reading: chunks.Reading) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The tokens that CLIP reads at once, and those beyond."""
    kept = sum(place < int(tokenizer.model_max_length) for place in reading.places)
    return reading.tokens[:kept], reading.tokens[kept:]


def _t5(encoder: TextEncoder, tokenizer: Any, text: str) -> tuple[Tensor, tuple[str, ...], tuple[str, ...]]:
    """(1, 256, width), the tokens that were read, and those that were cut."""
    import torch

    words = "".join(piece.text for piece in read_weights(text))
    ids = tokenizer(
        words, padding="max_length", max_length=_T5_TOKENS, truncation=True, add_special_tokens=True
    ).input_ids
    written = tokenizer.convert_ids_to_tokens(tokenizer(words, add_special_tokens=False).input_ids)
    tokens = tuple(str(token).replace("▁", " ").strip() or " " for token in written)
    kept = _T5_TOKENS - 1
    return encoder(torch.tensor([ids]), None, 0), tokens[:kept], tokens[kept:]


def _widened(hidden: Tensor, width: int) -> Tensor:
    """With zeros at the end of each row up to this width."""
    import torch

    missing = torch.zeros(*hidden.shape[:-1], width - hidden.shape[-1], dtype=hidden.dtype)
    return torch.cat([hidden, missing.to(hidden.device)], dim=-1)


FAMILY = StableDiffusion3()

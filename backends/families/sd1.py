"""Stable Diffusion 1.x and 2.x: one CLIP text encoder, a UNet with cross-attention, a KL autoencoder.

Prediction is epsilon or v, with or without zero terminal SNR, as the scheduler's configuration
says. The starter model is of this family.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from backends.core.contract import BrokenModel, Conditioning, Defaults, ModelFacts, TextEncoder
from backends.core.emphasis import read_weights, token_weights, weigh, without_weights

if TYPE_CHECKING:
    from torch import Tensor

_FALLBACK_LIMIT = 77
_PARTS = {
    "text_encoder": ("transformers", "CLIPTextModel"),
    "unet": ("diffusers", "UNet2DConditionModel"),
    "vae": ("diffusers", "AutoencoderKL"),
}
_OTHER_PARTS = ("scheduler", "tokenizer")


class StableDiffusion1:
    """See the module's docstring."""

    id = "sd1"

    def matches(self, index: Mapping[str, Any], configs: Mapping[str, Mapping[str, Any]]) -> bool:
        named = all(index.get(part) == [library, name] for part, (library, name) in _PARTS.items())
        return named and {*_PARTS, *_OTHER_PARTS} <= set(configs) and not index.get("text_encoder_2")

    def facts(
        self, folder: Path, configs: Mapping[str, Mapping[str, Any]], manifest: Mapping[str, Any]
    ) -> ModelFacts:
        unet, vae = configs["unet"], configs["vae"]
        channels = int(vae.get("latent_channels", 4))
        if unet.get("in_channels", channels) != channels:
            raise BrokenModel(
                f"The UNet in {folder} takes {unet['in_channels']} channels and the VAE makes {channels}: "
                "it is an inpainting or depth model, which this version can't run.",
                "Use the plain version of the model.",
            )
        scale = 2 ** (len(vae["block_out_channels"]) - 1)
        return ModelFacts(
            name=str(manifest.get("name", folder.name)),
            family=self.id,
            folder=folder,
            latent_channels=channels,
            latent_scale=scale,
            scaling_factor=float(vae.get("scaling_factor", 0.18215)),
            prediction_type=str(configs["scheduler"].get("prediction_type", "epsilon")),
            token_limit=_token_limit(configs["tokenizer"]),
            guidance_embedding=int(unet.get("time_cond_proj_dim") or 0),
            scheduler_config=configs["scheduler"],
            defaults=_defaults(unet, scale, cast(Mapping[str, Any], manifest.get("defaults", {}))),
        )

    def encode_text(
        self, encoders: Sequence[TextEncoder], tokenizers: Sequence[Any], text: str, clip_skip: int
    ) -> Conditioning:
        """One tensor, `encoder_hidden_states`: (1, token limit, width). Weights like (words:1.2) count."""
        tokenizer: Any = tokenizers[0]
        pieces = read_weights(text)
        text = without_weights(pieces)
        tokens, cut = _tokens(tokenizer, text)
        limit = tokenizer.model_max_length

        def encode(words: str) -> Tensor:
            read = tokenizer(
                words, padding="max_length", max_length=limit, truncation=True, return_tensors="pt"
            )
            return encoders[0](read.input_ids, read.attention_mask, clip_skip)

        hidden = encode(text)
        if any(piece.weight != 1.0 for piece in pieces):
            hidden = weigh(hidden, encode(""), token_weights(tokenizer, pieces, limit))
        return Conditioning({"encoder_hidden_states": hidden}, tokens, cut)


def _token_limit(tokenizer: Mapping[str, Any]) -> int:
    limit = int(tokenizer.get("model_max_length", _FALLBACK_LIMIT))
    return limit if limit < 10_000 else _FALLBACK_LIMIT


def _defaults(unet: Mapping[str, Any], scale: int, wanted: Mapping[str, Any]) -> Defaults:
    size = unet.get("sample_size") or 64
    rows, columns = cast(list[int], size) if isinstance(size, list) else (int(size), int(size))
    return Defaults(
        width=int(wanted.get("width", columns * scale)),
        height=int(wanted.get("height", rows * scale)),
        steps=int(wanted.get("steps", 20)),
        guidance_scale=float(wanted.get("guidance_scale", 7.0)),
        sampler=str(wanted.get("sampler", "dpmpp_2m")),
    )


def _tokens(tokenizer: Any, text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The tokens that are read and those past the limit, without the start and end marks."""
    ids = tokenizer(text, add_special_tokens=False, truncation=False, verbose=False).input_ids
    pieces = tuple(str(piece).replace("</w>", "") for piece in tokenizer.convert_ids_to_tokens(ids))
    room = int(tokenizer.model_max_length) - 2
    return pieces[:room], pieces[room:]


FAMILY = StableDiffusion1()

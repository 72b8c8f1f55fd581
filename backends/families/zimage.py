"""Z-Image: a language model (Qwen3) reads the prompt, one stream of places and words, a KL autoencoder.

The prompt is a question to the language model; what it has before its last layer is given to the
transformer, of the prompt's own tokens and no others, so prompts are as long as they are. The network's
time runs from noise (0) to the picture (1), and so does its flow. Turbo was distilled: it makes a picture in
eight steps, without guidance. Guidance of 1 means none, as everywhere here; diffusers' pipeline of this
family counts from 0, so its 4 is 5 here. Z-Image team 2025, arXiv:2511.22699.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from backends.core.contract import NEGATIVE, Conditioning, LanguageEncoder, ModelFacts, TextEncoder
from backends.core.emphasis import read_weights
from backends.core.llm_text import read_alone
from backends.core.transformer_facts import transformer_facts, vae_scale

if TYPE_CHECKING:
    from torch import Tensor

_PARTS = {
    "transformer": ("diffusers", "ZImageTransformer2DModel"),
    "vae": ("diffusers", "AutoencoderKL"),
}
_READERS = (["transformers", "Qwen3Model"], ["transformers", "Qwen3ForCausalLM"])
_OTHER_PARTS = ("text_encoder", "scheduler", "tokenizer")
_TOKENS = 512
_LAYER = -2
_BEFORE, _AFTER = "<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n"
"""Qwen3's chat around a question."""
_PATCH = 2
_TURBO_SHIFT = 3.0
"""How far the distilled model's schedule is shifted; that of the model it comes from is 6."""
_WORDS = "encoder_hidden_states"


class ZImage:
    """See the module's docstring."""

    id = "zimage"

    def matches(self, index: Mapping[str, Any], configs: Mapping[str, Mapping[str, Any]]) -> bool:
        """Not of the kind that also looks at pictures (its transformer has a `siglip_feat_dim`)."""
        named = all(index.get(part) == [library, name] for part, (library, name) in _PARTS.items())
        whole = named and {*_PARTS, *_OTHER_PARTS} <= set(configs) and index["text_encoder"] in _READERS
        return whole and configs["transformer"].get("siglip_feat_dim") is None

    def facts(
        self,
        folder: Path,
        index: Mapping[str, Any],
        configs: Mapping[str, Mapping[str, Any]],
        manifest: Mapping[str, Any],
    ) -> ModelFacts:
        turbo = float(configs["scheduler"].get("shift", 1.0)) <= _TURBO_SHIFT
        settings = {"steps": 8, "guidance_scale": 1.0} if turbo else {"steps": 50, "guidance_scale": 5.0}
        scale = vae_scale(configs["vae"])
        scheduler = {**configs["scheduler"], "schedule": "even, by size"}
        return transformer_facts(
            self.id,
            folder,
            {**configs, "scheduler": scheduler},
            manifest,
            usual={"width": 1024, "height": 1024, **settings},
            channels=int(configs["transformer"]["in_channels"]),
            scale=scale,
            token_limit=_TOKENS,
            size_step=scale * _PATCH,
            takes_guidance=not turbo,
            ragged_prompts=True,
            half_vae=False,
        )

    def encode_text(
        self, encoders: Sequence[TextEncoder], tokenizers: Sequence[Any], text: str, clip_skip: int
    ) -> Conditioning:
        """`encoder_hidden_states`: (1, the prompt's tokens and the chat's, width)."""
        words = "".join(piece.text for piece in read_weights(text))
        reading = read_alone(tokenizers[0], words, _BEFORE, _AFTER, _TOKENS)
        encoder = cast(LanguageEncoder, encoders[0])
        hidden = encoder.layers(reading.ids, reading.mask, (_LAYER,))
        return Conditioning({_WORDS: hidden}, reading.tokens, reading.cut)

    def embedding_width(self, part: str, config: Mapping[str, Any]) -> int:
        return 0

    def predict(self, network: Any, latents: Tensor, time: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        import torch

        prompts = [prompt for name in (NEGATIVE + _WORDS, _WORDS) for prompt in inputs.get(name, ())]
        pictures = list(latents[:, :, None])
        flows = network(pictures, ((1000 - time) / 1000).expand(len(latents)), prompts, return_dict=False)[0]
        return -torch.stack(flows)[:, :, 0]

    def conditioning_shapes(
        self, configs: Mapping[str, Mapping[str, Any]], tokens: int
    ) -> Mapping[str, tuple[int, ...]]:
        return {_WORDS: (tokens, int(configs["transformer"]["cap_feat_dim"]))}

    def size_conditioning(self, width: int, height: int) -> Mapping[str, Tensor]:
        return {}


FAMILY = ZImage()

"""SANA-Sprint: the language model Gemma 2 reads the prompt, a transformer with linear attention makes latents
that hold 32 pixels a side each.

The prompt follows an instruction to the language model, as its authors wrote it (complex human
instruction); of what the model makes of both, the start mark and the last 299 places are kept, so that
of the instruction little more than the end is seen. The text is lower case. What follows the prompt can't
change it (attention is causal) and is masked, so it is never computed here: it is zeros. Guidance is an
input of the network. Chen et al. 2025, arXiv:2503.09641; Xie et al. 2024, arXiv:2410.10629.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backends.core import trigflow
from backends.core.contract import Conditioning, ModelFacts, TextEncoder
from backends.core.emphasis import read_weights
from backends.core.transformer_facts import transformer_facts, vae_scale

if TYPE_CHECKING:
    from torch import Tensor

_PARTS = {
    "text_encoder": ("transformers", "Gemma2Model"),
    "transformer": ("diffusers", "SanaTransformer2DModel"),
    "vae": ("diffusers", "AutoencoderDC"),
    "scheduler": ("diffusers", "SCMScheduler"),
}
_TOKENS = 300
INSTRUCTION = "\n".join(
    (
        "Given a user prompt, generate an 'Enhanced prompt' that provides detailed visual descriptions "
        "suitable for image generation. Evaluate the level of detail in the user prompt:",
        "- If the prompt is simple, focus on adding specifics about colors, shapes, sizes, textures, and "
        "spatial relationships to create vivid and concrete scenes.",
        "- If the prompt is already detailed, refine and enhance the existing details slightly without "
        "overcomplicating.",
        "Here are examples of how to transform or refine prompts:",
        "- User Prompt: A cat sleeping -> Enhanced: A small, fluffy white cat curled up in a round shape, "
        "sleeping peacefully on a warm sunny windowsill, surrounded by pots of blooming red flowers.",
        "- User Prompt: A busy city street -> Enhanced: A bustling city street scene at dusk, featuring "
        "glowing street lamps, a diverse crowd of people in colorful clothing, and a double-decker bus "
        "passing by towering glass skyscrapers.",
        "Please generate only the enhanced description for the prompt below and avoid including any "
        "additional commentary or evaluations:",
        "User Prompt: ",
    )
)
"""What the network was trained with: of its authors' configuration files, so not ours to change."""


class SanaSprint:
    """See the module's docstring."""

    id = "sana"

    def matches(self, index: Mapping[str, Any], configs: Mapping[str, Mapping[str, Any]]) -> bool:
        named = all(index.get(part) == [library, name] for part, (library, name) in _PARTS.items())
        whole = named and {*_PARTS, "tokenizer"} <= set(configs)
        return whole and bool(configs["transformer"].get("guidance_embeds"))

    def facts(
        self,
        folder: Path,
        index: Mapping[str, Any],
        configs: Mapping[str, Mapping[str, Any]],
        manifest: Mapping[str, Any],
    ) -> ModelFacts:
        transformer, scale = configs["transformer"], vae_scale(configs["vae"])
        side = int(transformer.get("sample_size", 32)) * scale
        usual = {"width": side, "height": side, "steps": 2, "guidance_scale": 4.5, "sampler": "lcm"}
        return transformer_facts(
            self.id,
            folder,
            configs,
            manifest,
            usual=usual,
            channels=int(transformer["in_channels"]),
            scale=scale,
            token_limit=_TOKENS,
            size_step=scale * int(transformer.get("patch_size", 1)),
            samplers=trigflow.SAMPLERS,
            guidance_embedding=1,
            half_vae=False,
        )

    def encode_text(
        self, encoders: Sequence[TextEncoder], tokenizers: Sequence[Any], text: str, clip_skip: int
    ) -> Conditioning:
        """`encoder_hidden_states`: (1, 300, width), and `encoder_attention_mask`: (1, 300)."""
        import torch

        words = "".join(piece.text for piece in read_weights(text)).lower().strip()
        ids: list[int] = tokenizers[0](INSTRUCTION + words).input_ids
        first = len(tokenizers[0](INSTRUCTION).input_ids) - 1  # its last space is the first word's
        last = first + _TOKENS - 1
        hidden = encoders[0](torch.tensor([ids[:last]]), None, 0)
        kept = torch.cat([hidden[:, :1], hidden[:, first:]], dim=1)
        missing = torch.zeros(1, _TOKENS - kept.shape[1], kept.shape[2])
        mask = torch.cat([torch.ones(kept.shape[:2]), missing[:, :, 0]], dim=1)
        tokens = _written(tokenizers[0], ids[first:])
        return Conditioning(
            {
                "encoder_hidden_states": torch.cat([kept, missing], dim=1),
                "encoder_attention_mask": mask,
            },
            tokens[: last - first],
            tokens[last - first :],
        )

    def embedding_width(self, part: str, config: Mapping[str, Any]) -> int:
        return 0

    def guidance_conditioning(self, scale: float, width: int) -> Mapping[str, Tensor]:
        """`guidance`: (1,)"""
        import torch

        return {"guidance": torch.tensor([scale])}

    def predict(self, network: Any, latents: Tensor, time: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        guidance = inputs["guidance"] * network.config.guidance_embeds_scale
        told = {**inputs, "guidance": guidance}
        return network(latents, timestep=time.expand(len(latents)), return_dict=False, **told)[0]

    def conditioning_shapes(
        self, configs: Mapping[str, Mapping[str, Any]], tokens: int
    ) -> Mapping[str, tuple[int, ...]]:
        width = int(configs["transformer"]["caption_channels"])
        return {"encoder_hidden_states": (tokens, width), "encoder_attention_mask": (tokens,), "guidance": ()}

    def size_conditioning(self, width: int, height: int) -> Mapping[str, Tensor]:
        return {}


def _written(tokenizer: Any, ids: Sequence[int]) -> tuple[str, ...]:
    words = (str(token).replace("▁", " ").strip() for token in tokenizer.convert_ids_to_tokens(ids))
    return tuple(word for word in words if word)


FAMILY = SanaSprint()

"""A small random model of the SANA-Sprint family in the diffusers layout, made on the spot."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_dc import AutoencoderDC
from diffusers.models.transformers.sana_transformer import SanaTransformer2DModel
from transformers.models.gemma.tokenization_gemma import GemmaTokenizer
from transformers.models.gemma2.configuration_gemma2 import Gemma2Config
from transformers.models.gemma2.modeling_gemma2 import Gemma2Model

from tests.tiny_transformers import write_index

SCM = {"_class_name": "SCMScheduler", "sigma_data": 0.5, "prediction_type": "trigflow"}
_WIDTH = 32
_SPECIAL = ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>")


def make_tiny_sana(folder: Path, *, seed: int = 0) -> Path:
    """Writes a model with random weights."""
    torch.manual_seed(seed)
    _transformer().save_pretrained(folder / "transformer")
    _autoencoder().save_pretrained(folder / "vae")
    _write_gemma(folder)
    write_index(
        folder,
        {
            "_class_name": "SanaSprintPipeline",
            "text_encoder": ["transformers", "Gemma2Model"],
            "tokenizer": ["transformers", "GemmaTokenizerFast"],
            "transformer": ["diffusers", "SanaTransformer2DModel"],
            "vae": ["diffusers", "AutoencoderDC"],
        },
        SCM,
    )
    return folder


def _transformer() -> Any:
    transformer: Any = SanaTransformer2DModel
    return transformer(
        sample_size=2, in_channels=8, out_channels=8, num_layers=2, num_attention_heads=2,
        attention_head_dim=8, num_cross_attention_heads=2, cross_attention_head_dim=8, cross_attention_dim=16,
        caption_channels=_WIDTH, guidance_embeds=True, qk_norm="rms_norm_across_heads",
    )  # fmt: skip


def _autoencoder() -> Any:
    autoencoder: Any = AutoencoderDC
    blocks = ("ResBlock",) * 4 + ("EfficientViTBlock",) * 2
    scales = ((),) * 4 + ((5,),) * 2
    return autoencoder(
        latent_channels=8, attention_head_dim=8, encoder_block_types=blocks, decoder_block_types=blocks,
        encoder_block_out_channels=(8, 8, 8, 8, 16, 16), decoder_block_out_channels=(8, 8, 8, 8, 16, 16),
        encoder_layers_per_block=(1,) * 6, decoder_layers_per_block=(1,) * 6,
        encoder_qkv_multiscales=scales, decoder_qkv_multiscales=scales,
        upsample_block_type="interpolate", downsample_block_type="conv", scaling_factor=0.41407,
    )  # fmt: skip


def _write_gemma(folder: Path) -> None:
    """Its vocabulary has words of one letter, and a space before a letter is one token with it."""
    letters = [*string.ascii_letters, *string.punctuation, "\n"]
    words = [*_SPECIAL, "▁", *letters, *(f"▁{letter}" for letter in string.ascii_lowercase)]
    tokenizer: Any = GemmaTokenizer
    tokenizer(
        vocab={word: number for number, word in enumerate(words)},
        merges=[("▁", letter) for letter in string.ascii_lowercase],
        add_bos_token=True,
    ).save_pretrained(folder / "tokenizer")
    make_config: Any = Gemma2Config
    config = make_config(
        vocab_size=len(words), hidden_size=_WIDTH, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, head_dim=16, query_pre_attn_scalar=16,
    )  # fmt: skip
    Gemma2Model(config).save_pretrained(folder / "text_encoder")

"""Small random models of the transformer families in the diffusers layout, made on the spot."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel
from transformers.models.clip.modeling_clip import CLIPTextModelWithProjection
from transformers.models.t5.configuration_t5 import T5Config
from transformers.models.t5.modeling_t5 import T5EncoderModel
from transformers.models.t5.tokenization_t5 import T5Tokenizer

from tests import tiny_models

FLOW = {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000, "shift": 3.0}
BY_SIZE = {**FLOW, "shift": 1.0, "use_dynamic_shifting": True}


def make_tiny_sd3(folder: Path, *, t5: bool = True, seed: int = 0) -> Path:
    """Writes a model of the SD 3 family with random weights. Without T5 its noise is shifted by size."""
    torch.manual_seed(seed)
    transformer: Any = SD3Transformer2DModel
    transformer(
        sample_size=8,
        patch_size=2,
        in_channels=16,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=2,
        joint_attention_dim=72,
        caption_projection_dim=16,
        pooled_projection_dim=32,
        out_channels=16,
        pos_embed_max_size=16,
        dual_attention_layers=(0,),
        qk_norm="rms_norm",
    ).save_pretrained(folder / "transformer")
    kl_autoencoder(scaling_factor=1.5305, shift_factor=0.0609).save_pretrained(folder / "vae")
    config = tiny_models._text_config(len(tiny_models._vocabulary()))
    index: dict[str, Any] = {
        "_class_name": "StableDiffusion3Pipeline",
        "text_encoder": ["transformers", "CLIPTextModelWithProjection"],
        "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "tokenizer_2": ["transformers", "CLIPTokenizer"],
        "text_encoder_3": [None, None],
        "tokenizer_3": [None, None],
        "transformer": ["diffusers", "SD3Transformer2DModel"],
    }
    for part, padding in (("", "<|endoftext|>"), ("_2", "!")):
        tiny_models._write_tokenizer(folder / f"tokenizer{part}", padding)
        CLIPTextModelWithProjection(config).save_pretrained(folder / f"text_encoder{part}")
    if t5:
        index |= _write_t5(folder, "_3", 72)
    write_index(folder, index, FLOW if t5 else BY_SIZE)
    return folder


def kl_autoencoder(channels: int = 16, **others: Any) -> Any:
    autoencoder: Any = AutoencoderKL
    return autoencoder(
        block_out_channels=(16, 16, 32, 32),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=channels,
        norm_num_groups=4,
        use_quant_conv=False,
        use_post_quant_conv=False,
        **others,
    )


def write_index(folder: Path, index: dict[str, Any], scheduler: dict[str, Any] = FLOW) -> None:
    """model_index.json with the parts that all of these have, and the scheduler."""
    plain = {"vae": ["diffusers", "AutoencoderKL"], "scheduler": ["diffusers", scheduler["_class_name"]]}
    write_json(folder / "model_index.json", plain | index)
    write_json(folder / "scheduler" / "scheduler_config.json", scheduler)


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1))


def _write_t5(folder: Path, suffix: str, width: int) -> dict[str, Any]:
    letters = [(letter, -3.0) for letter in string.ascii_lowercase + string.punctuation]
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), *letters]
    T5Tokenizer(vocab=vocabulary, extra_ids=0).save_pretrained(folder / f"tokenizer{suffix}")
    make_config: Any = T5Config
    config = make_config(
        vocab_size=len(vocabulary) + 8, d_model=width, d_kv=8, d_ff=32, num_layers=2, num_heads=2,
        feed_forward_proj="gated-gelu", tie_word_embeddings=False,
    )  # fmt: skip
    T5EncoderModel(config).save_pretrained(folder / f"text_encoder{suffix}")
    return {
        f"text_encoder{suffix}": ["transformers", "T5EncoderModel"],
        f"tokenizer{suffix}": ["transformers", "T5Tokenizer"],
    }

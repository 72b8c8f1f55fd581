"""Small random models in the diffusers layout, made on the spot, for tests that need no meaning."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_pndm import PNDMScheduler
from transformers.models.clip.configuration_clip import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection

LATENT_CHANNELS = 4
TOKENS = 24

EPSILON = {"prediction_type": "epsilon", "steps_offset": 1, "set_alpha_to_one": False, "skip_prk_steps": True}
V_ZERO_SNR = {
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing",
    "clip_sample": False,
}


def make_tiny_model(folder: Path, scheduler: dict[str, object], *, seed: int = 0, **unet: Any) -> Path:
    """Writes a model of the SD 1.x family with random weights; `scheduler` adds to its configuration, and
    `unet` to its UNet's."""
    torch.manual_seed(seed)
    _unet(**unet).save_pretrained(folder / "unet")
    _vae().save_pretrained(folder / "vae")
    _write_tokenizer(folder / "tokenizer")
    _text_encoder(len(_vocabulary())).save_pretrained(folder / "text_encoder")
    _write_json(folder / "scheduler" / "scheduler_config.json", _schedule() | scheduler)
    _write_json(folder / "model_index.json", _index())
    return folder


def make_tiny_sdxl(folder: Path, scheduler: dict[str, object], *, seed: int = 0, **unet: Any) -> Path:
    """Writes a model of the SDXL family with random weights; `unet` adds to its UNet's configuration."""
    torch.manual_seed(seed)
    _unet(**(_SDXL_UNET | unet)).save_pretrained(folder / "unet")
    _vae().save_pretrained(folder / "vae")
    config = _text_config(len(_vocabulary()))
    for part, network in (("", CLIPTextModel), ("_2", CLIPTextModelWithProjection)):
        _write_tokenizer(folder / f"tokenizer{part}", "!" if part else "<|endoftext|>")
        network(config).save_pretrained(folder / f"text_encoder{part}")
    _write_json(folder / "scheduler" / "scheduler_config.json", _schedule() | scheduler)
    _write_json(folder / "model_index.json", _index() | _SDXL_INDEX)
    return folder


def make_tiny_refiner(folder: Path, scheduler: dict[str, object], *, seed: int = 1, **unet: Any) -> Path:
    """Writes a refiner of SDXL's kind with random weights; its latents are `make_tiny_sdxl`'s."""
    torch.manual_seed(seed)
    _unet(**(_REFINER_UNET | unet)).save_pretrained(folder / "unet")
    _vae().save_pretrained(folder / "vae")
    _write_tokenizer(folder / "tokenizer_2", "!")
    CLIPTextModelWithProjection(_text_config(len(_vocabulary()))).save_pretrained(folder / "text_encoder_2")
    _write_json(folder / "scheduler" / "scheduler_config.json", _schedule() | scheduler)
    _write_json(folder / "model_index.json", _index() | _REFINER_INDEX)
    return folder


_SDXL_UNET: dict[str, Any] = {
    "cross_attention_dim": 64,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 16 + 6 * 8,
    "transformer_layers_per_block": (1, 2),
    "use_linear_projection": True,
}
_SDXL_INDEX: dict[str, object] = {
    "_class_name": "StableDiffusionXLPipeline",
    "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
    "tokenizer_2": ["transformers", "CLIPTokenizer"],
    "image_encoder": [None, None],
    "force_zeros_for_empty_prompt": True,
}
_REFINER_UNET: dict[str, Any] = _SDXL_UNET | {
    "cross_attention_dim": 32,
    "projection_class_embeddings_input_dim": 16 + 5 * 8,
}
_REFINER_INDEX: dict[str, object] = _SDXL_INDEX | {
    "_class_name": "StableDiffusionXLImg2ImgPipeline",
    "text_encoder": [None, None],
    "tokenizer": [None, None],
    "requires_aesthetics_score": True,
    "force_zeros_for_empty_prompt": False,
}


def _unet(**others: Any) -> UNet2DConditionModel:
    plain: dict[str, Any] = {"cross_attention_dim": 32, "in_channels": LATENT_CHANNELS}
    return UNet2DConditionModel(
        sample_size=8,
        out_channels=LATENT_CHANNELS,
        layers_per_block=1,
        block_out_channels=(32, 64),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        attention_head_dim=4,
        norm_num_groups=8,
        **(plain | others),
    )


def _vae() -> AutoencoderKL:
    autoencoder: Any = AutoencoderKL
    return autoencoder(
        block_out_channels=(16, 16, 32, 32),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=4,
    )


def _text_encoder(vocabulary: int) -> CLIPTextModel:
    return CLIPTextModel(_text_config(vocabulary))


def _text_config(vocabulary: int) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=2,
        max_position_embeddings=TOKENS,
        bos_token_id=vocabulary - 2,
        eos_token_id=vocabulary - 1,
        projection_dim=16,
    )


def _vocabulary() -> dict[str, int]:
    letters = list(string.ascii_lowercase + string.digits + string.punctuation)
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return {word: number for number, word in enumerate(words)}


def _write_tokenizer(folder: Path, padding: str = "<|endoftext|>") -> None:
    _write_json(folder / "vocab.json", _vocabulary())
    (folder / "merges.txt").write_text("#version: 0.2\n")
    special = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
    config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": TOKENS, "pad_token": padding}
    _write_json(folder / "tokenizer_config.json", config | special)


def _schedule() -> dict[str, object]:
    return {
        "_class_name": PNDMScheduler.__name__,
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "num_train_timesteps": 1000,
    }


def _index() -> dict[str, object]:
    return {
        "_class_name": "StableDiffusionPipeline",
        "_diffusers_version": "0.30.0",
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "scheduler": ["diffusers", PNDMScheduler.__name__],
        "safety_checker": [None, None],
        "feature_extractor": [None, None],
        "requires_safety_checker": False,
    }


def _write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1))

"""The published configurations of Stable Diffusion XL 1.0 and its refiner, what decides their memory."""

from __future__ import annotations

from typing import Any

from desktop import sd15

_BIG_G: dict[str, Any] = sd15.TEXT | {
    "architectures": ["CLIPTextModelWithProjection"],
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_attention_heads": 20,
    "projection_dim": 1280,
    "hidden_act": "gelu",
}
_UNET: dict[str, Any] = sd15.UNET | {
    "sample_size": 128,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
}
_VAE: dict[str, Any] = sd15.VAE | {"sample_size": 1024, "scaling_factor": 0.13025}
INDEX: dict[str, Any] = sd15.INDEX | {
    "_class_name": "StableDiffusionXLPipeline",
    "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
    "tokenizer_2": ["transformers", "CLIPTokenizer"],
}
PARTS: dict[str, Any] = {
    "text_encoder": sd15.TEXT,
    "text_encoder_2": _BIG_G,
    "unet": _UNET
    | {
        "block_out_channels": [320, 640, 1280],
        "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
        "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
        "transformer_layers_per_block": [1, 2, 10],
        "cross_attention_dim": 2048,
        "attention_head_dim": [5, 10, 20],
        "projection_class_embeddings_input_dim": 2816,
    },
    "vae": _VAE,
    "tokenizer": {"model_max_length": 77},
    "tokenizer_2": {"model_max_length": 77},
    "scheduler": {},
}
REFINER_INDEX: dict[str, Any] = INDEX | {
    "_class_name": "StableDiffusionXLImg2ImgPipeline",
    "text_encoder": [None, None],
    "tokenizer": [None, None],
    "requires_aesthetics_score": True,
    "force_zeros_for_empty_prompt": False,
}
REFINER_PARTS: dict[str, Any] = {
    "text_encoder_2": _BIG_G,
    "unet": _UNET
    | {
        "block_out_channels": [384, 768, 1536, 1536],
        "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
        "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
        "transformer_layers_per_block": 4,
        "cross_attention_dim": 1280,
        "attention_head_dim": [6, 12, 24, 24],
        "projection_class_embeddings_input_dim": 2560,
    },
    "vae": _VAE,
    "tokenizer_2": {"model_max_length": 77},
    "scheduler": {},
}

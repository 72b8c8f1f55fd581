"""The denoiser, the text encoder that trains with it, and the noise schedule."""

from __future__ import annotations

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from tokenizer import TOKENS
from vae import LATENT_CHANNELS

TEXT_WIDTH = 192
LATENT_SIZE = 16
TOKEN_SCALE = 1.0


def build_unet() -> UNet2DConditionModel:
    """An untrained UNet; `attention_head_dim` is the number of heads, as in Stable Diffusion 1.

    What the caption says as a whole is added to the timestep's embedding (`addition_embed_type`), so that
    every layer hears of it, also where there is no attention. It starts at nothing.
    """
    unet = UNet2DConditionModel(
        sample_size=LATENT_SIZE,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        layers_per_block=1,
        block_out_channels=(64, 128, 224),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=8,
        norm_num_groups=16,
        addition_embed_type="text",
        addition_embed_type_num_heads=8,
    )
    nn.init.zeros_(unet.add_embedding.norm2.weight)
    return unet


def build_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """An untrained text encoder for that tokenizer.

    CLIP starts its token vectors at 0.02, for training from hundreds of millions of texts. Here what the
    layers add drowned them at once: every word came out as the same vector but for a tenth of it, and the
    subject of a caption hardly reached the denoiser. So they start as large as what is added to them.
    """
    encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=TEXT_WIDTH,
            intermediate_size=4 * TEXT_WIDTH,
            projection_dim=TEXT_WIDTH,
            num_hidden_layers=3,
            num_attention_heads=6,
            max_position_embeddings=TOKENS,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    nn.init.normal_(encoder.embeddings.token_embedding.weight, std=TOKEN_SCALE)
    nn.init.normal_(encoder.embeddings.position_embedding.weight, std=TOKEN_SCALE / 4)
    return encoder


def build_scheduler() -> DDIMScheduler:
    """Velocity prediction on a schedule that ends in pure noise, sampled from there."""
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=True,
        steps_offset=1,
    )


class TextToLatents(nn.Module):
    """Both networks that train together."""

    def __init__(self, tokenizer: CLIPTokenizer) -> None:
        super().__init__()
        self.unet = build_unet()
        self.text_encoder = build_text_encoder(tokenizer)

    def use_plain_attention(self) -> None:
        """Attention as matrix products: on CPUs the fused kernel is slow backwards."""
        self.unet.set_attn_processor(AttnProcessor())
        self.text_encoder.set_attn_implementation("eager")

    def forward(self, noisy: torch.Tensor, timesteps: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """The predicted velocity, in float32."""
        states = self.text_encoder(tokens).last_hidden_state
        return self.unet(noisy, timesteps, states).sample.float()


def tokenize(tokenizer: CLIPTokenizer, captions: list[str]) -> torch.Tensor:
    """Captions as token numbers, padded to the model's length."""
    options = {"padding": "max_length", "truncation": True, "max_length": TOKENS, "return_tensors": "pt"}
    return tokenizer(captions, **options)["input_ids"]

"""Small random models whose shapes follow the first Stable Diffusion files, and those files' layout.

The names of the single file are written here from the layout of CompVis' and Stability's code, by hand
and without the product's mapping.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import load_file
from transformers.models.clip.configuration_clip import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection

from convert.source import configs, vocabulary
from convert.source.kinds import REFINER

Tensors = dict[str, torch.Tensor]
_LAYERS = 2
_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}


def make_folder(folder: Path, version: str, prediction: str = "epsilon") -> Path:
    """A diffusers folder: three UNet levels (the refiner: four), CLIP of width 64 (XL: two of them), a VAE of
    four levels."""
    torch.manual_seed(len(version))
    network: Any = UNet2DConditionModel
    autoencoder: Any = AutoencoderKL
    vae = autoencoder(
        block_out_channels=(32, 32, 32, 32),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=_LAYERS,
        latent_channels=4,
        scaling_factor=0.13025 if version.startswith("XL") else 0.18215,
    )
    parts = {"unet": network(**unet_settings(version)), "vae": vae}
    if version != REFINER:
        parts["text_encoder"] = CLIPTextModel(_text("gelu" if version == "2.x" else "quick_gelu"))
        vocabulary.write_tokenizer(folder / "tokenizer", version)
    if version.startswith("XL"):
        parts["text_encoder_2"] = CLIPTextModelWithProjection(_text("gelu"))
        vocabulary.write_tokenizer(folder / "tokenizer_2", "2.x")
    for name, part in parts.items():
        part.half().save_pretrained(folder / name)
    schedule = configs.scheduler_config(prediction, False)
    (folder / "scheduler").mkdir()
    (folder / "scheduler/scheduler_config.json").write_text(json.dumps(schedule))
    (folder / "model_index.json").write_text(json.dumps(configs.model_index(version)))
    return folder


_PLAIN_UNET: dict[str, Any] = {
    "sample_size": 64,
    "block_out_channels": (32, 64, 64),
    "layers_per_block": _LAYERS,
}
_OUTSIDE: dict[str, Any] = {
    "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
    "cross_attention_dim": 64,
}
_UNETS: dict[str, dict[str, Any]] = {
    "1.x": _OUTSIDE | {"attention_head_dim": 8},
    "2.x": _OUTSIDE | {"attention_head_dim": (1, 1, 1), "use_linear_projection": True},
    "XL": {
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "cross_attention_dim": 128,
        "transformer_layers_per_block": (1, 2, 3),
        "attention_head_dim": (1, 1, 1),
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 32,
        "projection_class_embeddings_input_dim": 64 + 6 * 32,
    },
    REFINER: {
        "block_out_channels": (32, 64, 64, 64),
        "down_block_types": ("DownBlock2D", *["CrossAttnDownBlock2D"] * 2, "DownBlock2D"),
        "up_block_types": ("UpBlock2D", *["CrossAttnUpBlock2D"] * 2, "UpBlock2D"),
        "cross_attention_dim": 64,
        "transformer_layers_per_block": 2,
        "attention_head_dim": (1, 1, 1, 1),
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 32,
        "projection_class_embeddings_input_dim": 64 + 5 * 32,
    },
}


def unet_settings(version: str) -> dict[str, Any]:
    """How such a folder's UNet is built."""
    return _PLAIN_UNET | _UNETS[version]


def _text(activation: str) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=49_408,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=1,
        hidden_act=activation,
        projection_dim=64,
    )


def single_file(folder: Path, version: str) -> Tensors:
    """The folder's tensors as one file has them."""
    unet = load_file(folder / "unet/diffusion_pytorch_model.safetensors")
    vae = load_file(folder / "vae/diffusion_pytorch_model.safetensors")
    named = {f"model.diffusion_model.{unet_name(k, version)}": v for k, v in unet.items()}
    named |= {f"first_stage_model.{_vae_name(k)}": _vae_value(k, v) for k, v in vae.items()}
    return {k: v.contiguous() for k, v in (named | _texts(folder, version)).items()}


def _texts(folder: Path, version: str) -> Tensors:
    if version == REFINER:
        return _big_g(folder, "conditioner.embedders.0.model.")
    text = load_file(folder / "text_encoder/model.safetensors")
    if version == "1.x":
        return _clip(text, "cond_stage_model.transformer.")
    if version == "2.x":
        return _open_clip(text, "cond_stage_model.model.", 3)  # the third layer is unused
    second = _big_g(folder, "conditioner.embedders.1.model.")
    return _clip(text, "conditioner.embedders.0.transformer.") | second


def _big_g(folder: Path, stem: str) -> Tensors:
    text = load_file(folder / "text_encoder_2/model.safetensors")
    projection = {f"{stem}text_projection": text["text_projection.weight"].T.clone()}
    return _open_clip(text, stem, 2) | projection


def unet_name(key: str, version: str) -> str:
    """A tensor of a UNet, by the name that the first files gave it."""
    for new, old in {
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "add_embedding.linear_1": "label_emb.0.0",
        "add_embedding.linear_2": "label_emb.0.2",
        "conv_in": "input_blocks.0.0",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
    }.items():
        if key.startswith(f"{new}."):
            return old + key.removeprefix(new)
    if match := re.match(r"mid_block\.(resnets|attentions)\.(\d)\.(.*)", key):
        place = 1 if match[1] == "attentions" else 2 * int(match[2])
        return f"middle_block.{place}.{_inner(match[1], match[3])}"
    match = re.match(r"(down|up)_blocks\.(\d)\.(\w+)\.(\d)\.(.*)", key)
    assert match is not None
    level, kind, number, rest = int(match[2]), match[3], int(match[4]), match[5]
    if kind == "downsamplers":
        return f"input_blocks.{3 * (level + 1)}.0.{rest.replace('conv', 'op')}"
    if kind == "upsamplers":
        attends = _UNETS[version]["up_block_types"][level].startswith("Cross")
        return f"output_blocks.{3 * level + 2}.{2 if attends else 1}.{rest}"
    side, place = ("input", 1 + 3 * level + number) if match[1] == "down" else ("output", 3 * level + number)
    return f"{side}_blocks.{place}.{0 if kind == 'resnets' else 1}.{_inner(kind, rest)}"


def _inner(kind: str, rest: str) -> str:
    if kind == "attentions":
        return rest
    first, _, last = rest.partition(".")
    return f"{_RESNET[first]}.{last}"


def _vae_name(key: str) -> str:
    key = key.replace("conv_norm_out", "norm_out").replace("mid_block.attentions.0", "mid.attn_1")
    key = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", key)
    key = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", key)
    key = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", key)
    key = re.sub(r"up_blocks\.(\d)\.resnets", lambda m: f"up.{3 - int(m[1])}.block", key)
    key = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{3 - int(m[1])}.upsample", key)
    for new, old in {
        "group_norm": "norm",
        "to_q": "q",
        "to_k": "k",
        "to_v": "v",
        "to_out.0": "proj_out",
    }.items():
        key = key.replace(f"attn_1.{new}.", f"attn_1.{old}.")
    return key.replace("conv_shortcut", "nin_shortcut")


def _vae_value(key: str, value: torch.Tensor) -> torch.Tensor:
    return value[:, :, None, None] if "attentions" in key and value.ndim == 2 else value


def _plain(text: Tensors) -> Tensors:
    return {k.removeprefix("text_model."): v for k, v in text.items()}


def _clip(text: Tensors, prefix: str) -> Tensors:
    return {f"{prefix}text_model.{k}": v for k, v in _plain(text).items()}


def _open_clip(text: Tensors, stem: str, layers: int) -> Tensors:
    plain = _plain(text)
    found = {
        f"{stem}token_embedding.weight": plain["embeddings.token_embedding.weight"],
        f"{stem}positional_embedding": plain["embeddings.position_embedding.weight"],
        f"{stem}ln_final.weight": plain["final_layer_norm.weight"],
        f"{stem}ln_final.bias": plain["final_layer_norm.bias"],
        f"{stem}text_projection": torch.zeros(64, 64, dtype=torch.float16),
        f"{stem}logit_scale": torch.zeros((), dtype=torch.float16),
    }
    for layer in range(layers):
        at, block = f"encoder.layers.{min(layer, 1)}.", f"{stem}transformer.resblocks.{layer}."
        for kind in ("weight", "bias"):
            found[f"{block}attn.in_proj_{kind}"] = torch.cat(
                [plain[f"{at}self_attn.{one}_proj.{kind}"] for one in "qkv"]
            )
            for new, old in {
                "self_attn.out_proj": "attn.out_proj",
                "layer_norm1": "ln_1",
                "layer_norm2": "ln_2",
                "mlp.fc1": "mlp.c_fc",
                "mlp.fc2": "mlp.c_proj",
            }.items():
                found[f"{block}{old}.{kind}"] = plain[f"{at}{new}.{kind}"]
    return {k: v.clone() for k, v in found.items()}

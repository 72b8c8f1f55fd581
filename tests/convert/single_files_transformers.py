"""Small random models built as the published Z-Image and FLUX.2 klein are, and the single files made of them.

The files' names are written by hand from the layouts of Black Forest Labs (flux2), Alpha-VLLM (Lumina, which
Z-Image's file follows), NVlabs (Sana) and llama.cpp, and ComfyUI's prefixes, without the product's mapping.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl_flux2 import AutoencoderKLFlux2
from diffusers.models.transformers.transformer_flux2 import Flux2Transformer2DModel
from diffusers.models.transformers.transformer_z_image import ZImageTransformer2DModel
from safetensors.torch import load_file, save_file
from transformers.models.qwen3.configuration_qwen3 import Qwen3Config
from transformers.models.qwen3.modeling_qwen3 import Qwen3ForCausalLM

from convert.source import piece_configs, qwen_vocabulary
from tests.convert.single_files import _vae_name, _vae_value
from tests.tiny_transformers import AutoencoderKL, write_json

Tensors = dict[str, torch.Tensor]
PREFIXES = {
    "transformer": "model.diffusion_model.",
    "text_encoder": "text_encoders.qwen3_4b.transformer.",
    "vae": "vae.",
}
_HEAD, _WIDTH = 128, 32
_VAE: dict[str, Any] = {
    "block_out_channels": (32, 32, 32, 32),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 1,
}


def make_folder(folder: Path, family: str, dtype: torch.dtype = torch.bfloat16, *, heads: int = 1) -> Path:
    """A diffusers folder with heads of 128 and Qwen's own vocabulary: "flux2" or "zimage"."""
    torch.manual_seed(0)
    for name, part in {"flux2": _klein, "zimage": _zimage}[family](heads).items():
        part.to(dtype).save_pretrained(folder / name)
    qwen_vocabulary.write_tokenizer(folder / "tokenizer")
    write_json(folder / "model_index.json", piece_configs.model_index(family, distilled=True))
    schedule = piece_configs.scheduler_config(family, distilled=True)
    write_json(folder / "scheduler/scheduler_config.json", schedule)
    return folder


def _klein(heads: int) -> dict[str, Any]:
    network: Any = Flux2Transformer2DModel
    transformer = network(
        in_channels=16, num_layers=1, num_single_layers=2, attention_head_dim=_HEAD,
        num_attention_heads=heads, joint_attention_dim=3 * _WIDTH, timestep_guidance_channels=32,
        guidance_embeds=False,
    )  # fmt: skip
    for name, weight in transformer.named_parameters():
        if "modulation" in name:
            weight.data.mul_(20)
    autoencoder: Any = AutoencoderKLFlux2
    vae = autoencoder(**_VAE, latent_channels=4)
    vae.bn.running_mean.copy_(torch.randn(16) * 0.1)
    vae.bn.running_var.copy_(torch.rand(16) + 0.5)
    return {"transformer": transformer, "vae": vae, "text_encoder": _qwen(28)}


def _zimage(heads: int) -> dict[str, Any]:
    network: Any = ZImageTransformer2DModel
    transformer = network(
        in_channels=16,
        dim=heads * _HEAD,
        n_layers=2,
        n_refiner_layers=1,
        n_heads=heads,
        n_kv_heads=heads,
        cap_feat_dim=_WIDTH,
    )
    with torch.no_grad():
        for token in (transformer.x_pad_token, transformer.cap_pad_token):
            token.normal_()
    autoencoder: Any = AutoencoderKL
    convolutions = {"use_quant_conv": False, "use_post_quant_conv": False}
    scales = {"scaling_factor": 0.3611, "shift_factor": 0.1159}
    vae = autoencoder(**_VAE, latent_channels=16, **convolutions, **scales)
    return {"transformer": transformer, "vae": vae, "text_encoder": _qwen(3)}


def _qwen(layers: int) -> Any:
    make: Any = Qwen3Config
    config = make(
        vocab_size=151_936, hidden_size=_WIDTH, intermediate_size=48, num_hidden_layers=layers, head_dim=8,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=40_960,
        tie_word_embeddings=True, rope_theta=1_000_000,
    )  # fmt: skip
    return Qwen3ForCausalLM(config)


def weights(folder: Path, part: str) -> Tensors:
    """A part's tensors by the library's names."""
    return load_file(next((folder / part).glob("*.safetensors")))


def original(folder: Path, part: str) -> Tensors:
    """A part's tensors by the names of its makers' own file; a text encoder's are the library's."""
    stored = weights(folder, part)
    if part == "text_encoder":
        return stored
    if part == "vae":
        return {_flux_vae_name(key): _vae_value(key, each) for key, each in stored.items()}
    name = json.loads((folder / part / "config.json").read_text())["_class_name"]
    named = {"Flux2Transformer2DModel": klein_names, "ZImageTransformer2DModel": zimage_names}
    return named.get(name, sana_names)(stored)


def write(path: Path, tensors: Tensors, prefix: str = "", metadata: dict[str, str] | None = None) -> Path:
    whole = {f"{prefix}{key}": each.clone().contiguous() for key, each in tensors.items()}
    save_file(whole, path, metadata)
    return path


def all_in_one(folder: Path) -> Tensors:
    """As ComfyUI saves a checkpoint."""
    parts = {part: original(folder, part) for part in PREFIXES}
    return {f"{PREFIXES[part]}{key}": each for part, all in parts.items() for key, each in all.items()}


def spoilt(folder: Path, copy: Path, *parts: str) -> Path:
    """A copy whose weights of these parts are all others': a base that must not lend them."""
    shutil.copytree(folder, copy)
    for part in parts:
        (file,) = (copy / part).glob("*.safetensors")
        torch.manual_seed(99)
        save_file(
            {key: torch.rand_like(each.float()).to(each.dtype) for key, each in load_file(file).items()}, file
        )
    return copy


def _flux_vae_name(key: str) -> str:
    name = _vae_name(key)
    return (
        name
        if name.startswith("bn.")
        else name.replace("post_quant", "decoder.post_quant")
        if (name.startswith("post_quant"))
        else f"encoder.{name}"
        if name.startswith("quant_conv")
        else name
    )


_KLEIN = {
    "time_guidance_embed.timestep_embedder.linear_1": "time_in.in_layer",
    "time_guidance_embed.timestep_embedder.linear_2": "time_in.out_layer",
    "double_stream_modulation_img.linear": "double_stream_modulation_img.lin",
    "double_stream_modulation_txt.linear": "double_stream_modulation_txt.lin",
    "single_stream_modulation.linear": "single_stream_modulation.lin",
    "x_embedder": "img_in",
    "context_embedder": "txt_in",
    "norm_out.linear": "final_layer.adaLN_modulation.1",
    "proj_out": "final_layer.linear",
}
_KLEIN_BLOCK = {
    "attn.to_out.0.weight": "img_attn.proj.weight",
    "attn.to_add_out.weight": "txt_attn.proj.weight",
    "attn.norm_q.weight": "img_attn.norm.query_norm.scale",
    "attn.norm_k.weight": "img_attn.norm.key_norm.scale",
    "attn.norm_added_q.weight": "txt_attn.norm.query_norm.scale",
    "attn.norm_added_k.weight": "txt_attn.norm.key_norm.scale",
    "ff.linear_in.weight": "img_mlp.0.weight",
    "ff.linear_out.weight": "img_mlp.2.weight",
    "ff_context.linear_in.weight": "txt_mlp.0.weight",
    "ff_context.linear_out.weight": "txt_mlp.2.weight",
}
_KLEIN_SINGLE = {
    "attn.to_qkv_mlp_proj.weight": "linear1.weight",
    "attn.to_out.weight": "linear2.weight",
    "attn.norm_q.weight": "norm.query_norm.scale",
    "attn.norm_k.weight": "norm.key_norm.scale",
}


def klein_names(stored: Tensors) -> Tensors:
    """Black Forest Labs' names; the last modulation has its shift first."""
    found: Tensors = {}
    for key, each in stored.items():
        stem, _, kind = key.rpartition(".")
        if match := re.match(r"transformer_blocks\.(\d+)\.(.*)", key):
            if match[2] in _KLEIN_BLOCK:
                found[f"double_blocks.{match[1]}.{_KLEIN_BLOCK[match[2]]}"] = each
        elif match := re.match(r"single_transformer_blocks\.(\d+)\.(.*)", key):
            found[f"single_blocks.{match[1]}.{_KLEIN_SINGLE[match[2]]}"] = each
        elif stem == "norm_out.linear":
            scale, shift = each.chunk(2)
            found[f"{_KLEIN[stem]}.{kind}"] = torch.cat([shift, scale])
        else:
            found[f"{_KLEIN[stem]}.{kind}"] = each
    for block in {key.split(".")[1] for key in stored if key.startswith("transformer_blocks.")}:
        at, to = f"transformer_blocks.{block}.attn.", f"double_blocks.{block}."
        for side, names in {
            "img": ("to_q", "to_k", "to_v"),
            "txt": ("add_q_proj", "add_k_proj", "add_v_proj"),
        }.items():
            found[f"{to}{side}_attn.qkv.weight"] = torch.cat([stored[f"{at}{name}.weight"] for name in names])
    return found


_ZIMAGE = (
    ("all_final_layer.2-1.", "final_layer."), ("all_x_embedder.2-1.", "x_embedder."),
    (".attention.to_out.0.weight", ".attention.out.weight"),
    (".attention.norm_k.weight", ".attention.k_norm.weight"),
    (".attention.norm_q.weight", ".attention.q_norm.weight"),
)  # fmt: skip


def zimage_names(stored: Tensors) -> Tensors:
    """As ComfyUI has them: the three projections in one."""
    stored = dict(stored)
    for name in [name for name in stored if name.endswith(".attention.to_q.weight")]:
        parts = [stored.pop(name.replace("to_q", part)) for part in ("to_q", "to_k", "to_v")]
        stored[name.replace("to_q", "qkv")] = torch.cat(parts)
    for theirs, comfys in _ZIMAGE:
        stored = {name.replace(theirs, comfys): tensor for name, tensor in stored.items()}
    return stored


_SANA = {
    "patch_embed.proj": "x_embedder.proj",
    "caption_projection.linear_1": "y_embedder.y_proj.fc1",
    "caption_projection.linear_2": "y_embedder.y_proj.fc2",
    "time_embed.timestep_embedder.linear_1": "t_embedder.mlp.0",
    "time_embed.timestep_embedder.linear_2": "t_embedder.mlp.2",
    "time_embed.guidance_embedder.linear_1": "cfg_embedder.mlp.0",
    "time_embed.guidance_embedder.linear_2": "cfg_embedder.mlp.2",
    "time_embed.linear": "t_block.1",
    "caption_norm": "attention_y_norm",
    "proj_out": "final_layer.linear",
}
_SANA_BLOCK = {
    "attn1.to_out.0": "attn.proj",
    "attn1.norm_q": "attn.q_norm",
    "attn1.norm_k": "attn.k_norm",
    "attn2.to_out.0": "cross_attn.proj",
    "attn2.to_q": "cross_attn.q_linear",
    "attn2.norm_q": "cross_attn.q_norm",
    "attn2.norm_k": "cross_attn.k_norm",
    "ff.conv_inverted": "mlp.inverted_conv.conv",
    "ff.conv_depth": "mlp.depth_conv.conv",
    "ff.conv_point": "mlp.point_conv.conv",
}


def sana_names(stored: Tensors) -> Tensors:
    """NVlabs' names, with what their checkpoints hold besides."""
    found = {"y_embedder.y_embedding": torch.zeros(3, 4), "logvar_linear.weight": torch.zeros(1, 4)}
    for key, each in stored.items():
        stem, _, kind = key.rpartition(".")
        match = re.match(r"transformer_blocks\.(\d+)\.(.*)", stem)
        if key == "scale_shift_table":
            found["final_layer.scale_shift_table"] = each
        elif match is None and kind == "scale_shift_table":
            found[key.replace("transformer_blocks", "blocks")] = each
        elif match is None:
            found[f"{_SANA[stem]}.{kind}"] = each
        elif match[2] in _SANA_BLOCK:
            found[f"blocks.{match[1]}.{_SANA_BLOCK[match[2]]}.{kind}"] = each
        else:
            found |= _sana_together(stored, match[1], match[2], kind)
    return found


def _sana_together(stored: Tensors, block: str, name: str, kind: str) -> Tensors:
    at = f"transformer_blocks.{block}."
    if kind == "scale_shift_table":
        return {f"blocks.{block}.{kind}": stored[f"{at}{kind}"]}
    if name.startswith("attn1."):
        parts = [stored[f"{at}attn1.to_{each}.{kind}"] for each in "qkv"]
        return {f"blocks.{block}.attn.qkv.{kind}": torch.cat(parts)}
    parts = [stored[f"{at}attn2.to_{each}.{kind}"] for each in "kv"]
    return {f"blocks.{block}.cross_attn.kv_linear.{kind}": torch.cat(parts)}


_LLAMA = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
    "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}  # fmt: skip


def llama_names(stored: Tensors) -> Tensors:
    """A language model's tensors as llama.cpp calls them."""
    found: Tensors = {}
    for key, each in stored.items():
        stem = key.removesuffix(".weight")
        match = re.match(r"model\.layers\.(\d+)\.(.*)", stem)
        name = f"blk.{match[1]}.{_LLAMA[match[2]]}" if match else _LLAMA[stem]
        found[f"{name}.weight"] = each
    return found

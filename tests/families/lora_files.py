"""Small random LoRAs in each layout that people have."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

RANK = 3
STRONG = 0.5

_BLOCK = "transformer_blocks"
UNET = {
    f"down_blocks.0.attentions.0.{_BLOCK}.0.attn1.to_q": f"input_blocks_1_1_{_BLOCK}_0_attn1_to_q",
    "down_blocks.0.attentions.0.proj_in": "input_blocks_1_1_proj_in",
    f"mid_block.attentions.0.{_BLOCK}.0.attn2.to_k": f"middle_block_1_{_BLOCK}_0_attn2_to_k",
    f"up_blocks.1.attentions.1.{_BLOCK}.0.attn1.to_out.0": f"output_blocks_3_1_{_BLOCK}_0_attn1_to_out_0",
    f"up_blocks.1.attentions.0.{_BLOCK}.0.ff.net.0.proj": f"output_blocks_2_1_{_BLOCK}_0_ff_net_0_proj",
}
"""Layers of the small UNets, and what Stability's own code calls them."""
TEXT = ("encoder.layers.0.self_attn.q_proj", "encoder.layers.1.mlp.fc1")


def pairs(shapes: dict[str, torch.Size], seed: int) -> dict[str, tuple[Tensor, Tensor]]:
    """A random (down, up) for each layer's weight."""
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> Tensor:
        return STRONG * torch.randn(*shape, generator=generator)

    def pair(shape: torch.Size) -> tuple[Tensor, Tensor]:
        ones = (1,) * (len(shape) - 2)
        return random(RANK, *shape[1:]), random(shape[0], RANK, *ones)

    return {name: pair(shape) for name, shape in shapes.items()}


def shapes(networks: dict[str, torch.nn.Module]) -> dict[str, torch.Size]:
    """The weights' shapes by "part.layer": of UNET in the UNet, of TEXT in the text encoders."""
    found: dict[str, torch.Size] = {}
    for part, network in networks.items():
        weights = {name.removeprefix("text_model."): each.shape for name, each in network.named_parameters()}
        layers: Iterable[str] = UNET if part == "unet" else TEXT
        found |= {f"{part}.{layer}": weights[f"{layer}.weight"] for layer in layers}
    return found


def save_as_peft(file: Path, changes: dict[str, tuple[Tensor, Tensor]]) -> None:
    tensors: dict[str, Tensor] = {}
    for name, (down, up) in changes.items():
        part, _, layer = name.partition(".")
        stem = f"{part}.text_model.{layer}" if part != "unet" else name
        tensors |= {f"{stem}.lora_A.weight": down, f"{stem}.lora_B.weight": up}
    save_file(tensors, file)


def save_as_kohya(file: Path, changes: dict[str, tuple[Tensor, Tensor]], *, stabilitys: bool) -> None:
    """With alphas of half the rank; `stabilitys`: as for SDXL."""
    tensors: dict[str, Tensor] = {}
    for name, (down, up) in changes.items():
        part, _, layer = name.partition(".")
        if part == "unet":
            stem = f"lora_unet_{UNET[layer] if stabilitys else layer.replace('.', '_')}"
        else:
            prefix = {"text_encoder": "lora_te1" if stabilitys else "lora_te", "text_encoder_2": "lora_te2"}
            stem = f"{prefix[part]}_text_model_{layer.replace('.', '_')}"
        tensors |= {
            f"{stem}.lora_down.weight": down,
            f"{stem}.lora_up.weight": up,
            f"{stem}.alpha": torch.tensor(RANK / 2),
        }
    save_file(tensors, file)

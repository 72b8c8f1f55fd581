"""A low-rank change of a network's weights (Hu et al. 2021, "LoRA"): few numbers beside a frozen network."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize


class LowRank(nn.Module):
    """Adds `up @ down`, in the weight's shape, to a weight of shape (out, in, ...)."""

    def __init__(self, weight: Tensor, rank: int) -> None:
        super().__init__()
        outputs, inputs = weight.shape[0], weight[0].numel()
        rank = min(rank, outputs, inputs)
        self.down = nn.Parameter(torch.randn(rank, inputs) / math.sqrt(inputs))
        self.up = nn.Parameter(torch.zeros(outputs, rank))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + (self.up @ self.down).view_as(weight)


def layer_weights(network: nn.Module) -> list[tuple[str, Tensor]]:
    """The linear layers and convolutions by name, each with its weight."""
    layers = network.named_modules()
    return [(name, layer.weight) for name, layer in layers if isinstance(layer, nn.Linear | nn.Conv2d)]


def make_low_rank(network: nn.Module, rank: int) -> nn.ModuleDict:
    """Gives every linear layer and convolution of a network a low-rank change; returns the changes.

    Keys are the layers' names with "/" for ".", which a ModuleDict does not allow.
    """
    changes = nn.ModuleDict()
    for name, weight in layer_weights(network):
        changes[name.replace(".", "/")] = change = LowRank(weight, rank)
        parametrize.register_parametrization(network.get_submodule(name), "weight", change)
    return changes


def lora_file(weights: dict[str, Tensor], shapes: dict[str, torch.Size]) -> dict[str, Tensor]:
    """The changes' state dict in the layout that diffusers and peft read, float16.

    `shapes` are the changed layers' weights. A convolution's `down` keeps its kernel, its `up` is 1 x 1.
    """
    tensors = {}
    for key, value in weights.items():
        layer, _, side = key.replace("/", ".").rpartition(".")
        shape = shapes[layer]
        ones = (1,) * (len(shape) - 2)
        kept = (value.shape[0], *shape[1:]) if side == "down" else (*value.shape, *ones)
        name = {"down": "lora_A", "up": "lora_B"}[side]
        tensors[f"unet.{layer}.{name}.weight"] = value.reshape(kept).half().contiguous()
    return tensors

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


def make_low_rank(network: nn.Module, rank: int) -> nn.ModuleDict:
    """Gives every linear layer and convolution of a network a low-rank change; returns the changes.

    Keys are the layers' names with "/" for ".", which a ModuleDict does not allow.
    """
    changes = nn.ModuleDict()
    for name, layer in list(network.named_modules()):
        if isinstance(layer, nn.Linear | nn.Conv2d):
            change = LowRank(layer.weight, rank)
            parametrize.register_parametrization(layer, "weight", change)
            changes[name.replace(".", "/")] = change
    return changes


def low_rank_weights(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The changes' state dict by the layers' own names: `LAYER.down` and `LAYER.up`."""
    return {key.replace("/", "."): value.clone() for key, value in weights.items()}

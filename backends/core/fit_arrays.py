"""How many bytes of arrays a model's networks hold at their peak, for any size, by the ledger.

The arrays do not depend on the weights' values, so the configuration is enough: this works before a
download. A network of SD 1.5's size takes half a second the first time, and nothing after.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from backends.core.depth_needs import depth_bytes
from backends.core.ledger import FakeNetwork
from backends.core.memory_lean import make_lean, onednn_works
from backends.core.model_folder import ModelFolder
from backends.core.own_depth import network_of
from backends.core.quiet import quiet
from backends.core.streaming_files import build_empty, layers, own_weights

_NUMBER = 4
"""Bytes of a float32 number. Arrays of half-precision networks are half as large."""


class Arrays:
    """The peaks of one model's networks in bytes, as float32 on a CPU."""

    def __init__(self, folder: ModelFolder) -> None:
        self._folder = folder
        self._networks: dict[str, FakeNetwork] = {}
        self._peaks: dict[tuple[object, ...], int] = {}

    def unet(self, batch: int, height: int, width: int) -> int:
        """One prediction of (batch, C, height, width) latents."""

        def run(unet: Any, zeros: Callable[..., Tensor]) -> None:
            family, configs = self._folder.family, self._folder.configs
            shapes = family.conditioning_shapes(configs, self._folder.facts.token_limit)
            inputs: dict[str, Any] = {name: zeros(batch, *shape) for name, shape in shapes.items()}
            latents = zeros(batch, int(configs[self._folder.denoiser]["in_channels"]), height, width)
            family.predict(unet, latents, torch.tensor(1.0), inputs)

        return self._peak(self._folder.denoiser, run, batch, height, width)

    def decoder(self, height: int, width: int) -> int:
        """Decoding (1, C, height, width) latents, as the autoencoder has them, at once."""

        def run(vae: Any, zeros: Callable[..., Tensor]) -> None:
            facts = self._folder.facts
            channels = facts.latent_channels // facts.latent_patch**2
            vae.decode(zeros(1, channels, height, width), return_dict=False)

        return self._peak("vae", run, height, width)

    def text(self, part: str) -> int:
        """Encoding one prompt: an upper bound by the widest layer, as it is small beside the rest."""
        config = self._folder.configs[part]
        return 8 * _NUMBER * self._folder.facts.token_limit * int(config.get("intermediate_size", 4096))

    def depth(self) -> tuple[int, int]:
        """The model's own depth network: its weights, and its arrays for the size that it is shown."""
        own = network_of(self._folder.path)
        return depth_bytes(own) if own else (0, 0)

    def weights(self, part: str) -> Mapping[str, int]:
        """How many weights a part has, in "linear" layers, "convolution" layers and the "rest"."""
        counts = {"linear": 0, "convolution": 0, "rest": 0}
        for _, module in layers(self._network(part).module):
            counts[_kind(module)] += sum(prod(weight.shape) for weight in own_weights(module).values())
        return counts

    def largest_layer(self, part: str) -> int:
        """Bytes of the largest weight in float32."""
        return max(_NUMBER * prod(weight.shape) for weight in self._network(part).module.parameters())

    def _peak(self, part: str, run: Callable[[Any, Callable[..., Tensor]], object], *key: int) -> int:
        if (part, *key) not in self._peaks:
            self._peaks[part, *key] = self._network(part).peak(run).bytes
        return self._peaks[part, *key]

    def _network(self, part: str) -> FakeNetwork:
        if part not in self._networks:
            quiet()
            module = build_empty(self._folder, part)
            if onednn_works():
                make_lean(module)
            self._networks[part] = FakeNetwork(module)
        return self._networks[part]


def _kind(module: nn.Module) -> str:
    if isinstance(module, nn.Linear):
        return "linear"
    return "convolution" if isinstance(module, nn.Conv2d) else "rest"

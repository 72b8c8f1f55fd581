"""How families with a diffusers UNet run it, and what it takes beside latents and the time step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from torch import Tensor

_ADDED = ("text_embeds", "time_ids")
"""What a UNet is told besides, and diffusers takes as one argument."""


class UNetFamily:
    """For families to inherit from: the part of contract.Family that is about CLIP's words and the UNet."""

    def embedding_width(self, part: str, config: Mapping[str, Any]) -> int:
        return int(config["hidden_size"])

    def predict(self, network: Any, latents: Tensor, time: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        plain: dict[str, Any] = {name: tensor for name, tensor in inputs.items() if name not in _ADDED}
        if added := {name: inputs[name] for name in _ADDED if name in inputs}:
            plain["added_cond_kwargs"] = added
        return network(latents, time, return_dict=False, **plain)[0]

    def guidance_conditioning(self, scale: float, width: int) -> Mapping[str, Tensor]:
        """`timestep_cond`: a sinusoidal embedding, (1, width) (Meng et al. 2023, arXiv:2210.03142)."""
        import torch

        half = width // 2
        frequencies = torch.exp(torch.arange(half, dtype=torch.float32) * -(math.log(10000.0) / (half - 1)))
        angles = (scale - 1) * 1000.0 * frequencies
        embedding = torch.cat([angles.sin(), angles.cos()])
        return {"timestep_cond": torch.nn.functional.pad(embedding, (0, width % 2))[None]}

    def conditioning_shapes(
        self, configs: Mapping[str, Mapping[str, Any]], tokens: int
    ) -> Mapping[str, tuple[int, ...]]:
        config = configs["unet"]
        cross: object = config.get("cross_attention_dim", 1280)
        width = cast(list[int], cross)[0] if isinstance(cross, list) else int(cast(int, cross))
        shapes: dict[str, tuple[int, ...]] = {"encoder_hidden_states": (tokens, width)}
        if config.get("time_cond_proj_dim"):
            shapes["timestep_cond"] = (int(config["time_cond_proj_dim"]),)
        if config.get("addition_embed_type") == "text_time":
            total = int(config["projection_class_embeddings_input_dim"])
            each = int(config["addition_time_embed_dim"])
            shapes |= {"text_embeds": (total - 6 * each,), "time_ids": (6,)}
        return shapes

"""A short list of models that serve a laptop, with what they are, so that a choice needs no network.

`checked` says what public pages confirmed on 2026-11-23, and what could not be looked up. Before a download
the hub's own list gives sizes and licence again, and those count. `parts` are the entries of the published
configurations that decide the memory; sizes of weights are calculated from them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backends.core.model_folder import ModelFolder, open_folder
from desktop import sd15

_NAMES = {"tokenizer": "tokenizer_config.json", "scheduler": "scheduler_config.json"}
_SD1: dict[str, Any] = {
    "text_encoder": sd15.TEXT,
    "unet": sd15.UNET,
    "vae": sd15.VAE,
    "tokenizer": {"model_max_length": 77},
    "scheduler": {},
}


_OPEN_CLIP: dict[str, Any] = sd15.TEXT | {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 23,
    "num_attention_heads": 16,
    "hidden_act": "gelu",
}
_SD2: dict[str, Any] = _SD1 | {
    "text_encoder": _OPEN_CLIP,
    "unet": sd15.UNET
    | {
        "cross_attention_dim": 1024,
        "attention_head_dim": [5, 10, 20, 20],
        "use_linear_projection": True,
    },
}
_SDXL_INDEX: dict[str, Any] = sd15.INDEX | {
    "_class_name": "StableDiffusionXLPipeline",
    "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
    "tokenizer_2": ["transformers", "CLIPTokenizer"],
}
_SDXL: dict[str, Any] = _SD1 | {
    "text_encoder_2": sd15.TEXT
    | {
        "architectures": ["CLIPTextModelWithProjection"],
        "hidden_size": 1280,
        "intermediate_size": 5120,
        "num_hidden_layers": 32,
        "num_attention_heads": 20,
        "projection_dim": 1280,
        "hidden_act": "gelu",
    },
    "unet": sd15.UNET
    | {
        "sample_size": 128,
        "block_out_channels": [320, 640, 1280],
        "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
        "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
        "transformer_layers_per_block": [1, 2, 10],
        "cross_attention_dim": 2048,
        "attention_head_dim": [5, 10, 20],
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
    },
    "vae": sd15.VAE | {"sample_size": 1024, "scaling_factor": 0.13025},
    "tokenizer_2": {"model_max_length": 77},
}


@dataclass(frozen=True, kw_only=True)
class Recommended:
    """A model worth having. `gigabytes` is what is fetched; `steps` what a picture takes."""

    name: str
    title: str
    repo: str
    licence: str
    gigabytes: float
    steps: int
    words: str
    checked: str
    index: Mapping[str, Any]
    parts: Mapping[str, Mapping[str, Any]]
    revision: str = "main"

    def describe_in(self, folder: Path) -> ModelFolder:
        """Writes the configurations there, without weights: a prediction of memory needs no more."""
        _write(folder / "model_index.json", self.index)
        _write(folder / "model.json", {"name": self.title})
        for part, config in self.parts.items():
            _write(folder / part / _NAMES.get(part.split("_")[0], "config.json"), config)
        return open_folder(folder)


RECOMMENDED = (
    Recommended(
        name="sd15",
        title="Stable Diffusion 1.5",
        repo="stable-diffusion-v1-5/stable-diffusion-v1-5",
        licence="CreativeML OpenRAIL-M",
        gigabytes=2.1,
        steps=20,
        words="The model that most others are made from; it fits nearly everywhere.",
        checked="licence; the size is calculated for half precision",
        index=sd15.INDEX,
        parts=_SD1,
    ),
    Recommended(
        name="dreamshaper-8",
        title="DreamShaper 8",
        repo="Lykon/dreamshaper-8",
        licence="CreativeML OpenRAIL-M, with its author's addendum",
        gigabytes=2.1,
        steps=25,
        words="Of Stable Diffusion 1.5's size, and pleasing with short prompts.",
        checked="licence and about 2.0 GB; whether half precision is there as files was not",
        index=sd15.INDEX,
        parts=_SD1,
    ),
    Recommended(
        name="lcm-dreamshaper-7",
        title="DreamShaper 7, distilled for few steps (LCM)",
        repo="SimianLuo/LCM_Dreamshaper_v7",
        licence="MIT",
        gigabytes=4.3,
        steps=4,
        words="Pictures in 4 steps instead of 20: the quickest on a slow machine.",
        checked="licence and the UNet's 3.44 GB; it is there in full precision only",
        index=sd15.INDEX | {"_class_name": "LatentConsistencyModelPipeline"},
        parts=_SD1 | {"unet": sd15.UNET | {"time_cond_proj_dim": 256}},
    ),
    Recommended(
        name="sd-turbo",
        title="SD-Turbo",
        repo="stabilityai/sd-turbo",
        licence="Stability AI's, with terms for commercial use (stability.ai/license)",
        gigabytes=2.6,
        steps=4,
        words="Pictures in 1 to 4 steps, simpler than those of the larger models.",
        checked="that its page sends to this licence; the size is calculated for half precision",
        index=sd15.INDEX,
        parts=_SD2,
    ),
    Recommended(
        name="sdxl",
        title="Stable Diffusion XL 1.0",
        repo="stabilityai/stable-diffusion-xl-base-1.0",
        licence="CreativeML OpenRAIL++-M",
        gigabytes=6.9,
        steps=30,
        words="Larger pictures with more in them, for machines with memory and time.",
        checked="nothing today: licence from memory, the size calculated for half precision",
        index=_SDXL_INDEX,
        parts=_SDXL,
    ),
)


def _write(path: Path, value: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def find_recommended(name: str) -> Recommended | None:
    """By its short name."""
    return next((each for each in RECOMMENDED if each.name == name), None)

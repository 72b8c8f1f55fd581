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
from desktop import sd15, sdxl, zimage

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
_FLUX2_INDEX: dict[str, Any] = {
    "_class_name": "Flux2KleinPipeline",
    "is_distilled": True,
    "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
    "text_encoder": ["transformers", "Qwen3ForCausalLM"],
    "tokenizer": ["transformers", "Qwen2TokenizerFast"],
    "transformer": ["diffusers", "Flux2Transformer2DModel"],
    "vae": ["diffusers", "AutoencoderKLFlux2"],
}
_FLUX2: dict[str, Any] = {
    "text_encoder": {
        "model_type": "qwen3",
        "hidden_size": 2560,
        "intermediate_size": 9728,
        "num_hidden_layers": 36,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "vocab_size": 151936,
        "tie_word_embeddings": True,
    },
    "transformer": {
        "in_channels": 128,
        "num_layers": 5,
        "num_single_layers": 20,
        "attention_head_dim": 128,
        "num_attention_heads": 24,
        "joint_attention_dim": 7680,
        "mlp_ratio": 3.0,
        "axes_dims_rope": [32, 32, 32, 32],
        "guidance_embeds": False,
    },
    "vae": {"block_out_channels": [128, 256, 512, 512], "latent_channels": 32},
    "tokenizer": {"model_max_length": 131072},
    "scheduler": {"_class_name": "FlowMatchEulerDiscreteScheduler", "use_dynamic_shifting": True},
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
        name="z-image-turbo",
        title="Z-Image Turbo",
        repo="Tongyi-MAI/Z-Image-Turbo",
        licence="Apache-2.0",
        gigabytes=32.9,
        steps=8,
        words="Follows long prompts, English and Chinese, in 8 steps; a large download, for much memory.",
        checked="licence, revision, configurations and size; its transformer is there in full precision only",
        index=zimage.INDEX,
        parts=zimage.PARTS,
        revision="f332072aa78be7aecdf3ee76d5c247082da564a6",
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
        index=sdxl.INDEX,
        parts=sdxl.PARTS,
    ),
    Recommended(
        name="sdxl-refiner",
        title="SDXL 1.0 refiner",
        repo="stabilityai/stable-diffusion-xl-refiner-1.0",
        licence="CreativeML OpenRAIL++-M",
        gigabytes=6.1,
        steps=30,
        words="Makes the last steps of Stable Diffusion XL's pictures; not a model by itself.",
        checked="its UNet by Stability's sd_xl_refiner.yaml; licence from memory, the size calculated",
        index=sdxl.REFINER_INDEX,
        parts=sdxl.REFINER_PARTS,
    ),
    Recommended(
        name="flux2-klein",
        title="FLUX.2 klein 4B",
        repo="black-forest-labs/FLUX.2-klein-4B",
        licence="Apache 2.0",
        gigabytes=16.0,
        steps=4,
        words="Pictures in 4 steps that follow long prompts; for machines with much memory.",
        checked="licence, parts and the text encoder's 8.05 GB; the other sizes are calculated",
        index=_FLUX2_INDEX,
        parts=_FLUX2,
    ),
)


def _write(path: Path, value: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def find_recommended(name: str) -> Recommended | None:
    """By its short name."""
    return next((each for each in RECOMMENDED if each.name == name), None)

"""Writes a whole model of the shape of SD 1.5 or SD 2.1, with random weights in half precision (2 GB).

python -m tests.make_shape sd15 FOLDER
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from backends.core.quiet import quiet
from convert.source import configs, vocabulary
from tests.convert_shapes import SHAPES

TEXT: dict[str, dict[str, Any]] = {
    "sd15": {
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "hidden_act": "quick_gelu",
    },
    "sd21": {
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "num_hidden_layers": 23,
        "num_attention_heads": 16,
        "hidden_act": "gelu",
    },
}
VERSIONS = {"sd15": ("1.x", "epsilon"), "sd21": ("2.x", "v_prediction")}


def write(shape: str, folder: Path) -> None:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers.models.clip.configuration_clip import CLIPTextConfig
    from transformers.models.clip.modeling_clip import CLIPTextModel

    torch.manual_seed(0)
    vae: dict[str, Any] = {
        "block_out_channels": (128, 256, 512, 512),
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "layers_per_block": 2,
    }
    words = CLIPTextConfig(vocab_size=49408, bos_token_id=49406, eos_token_id=49407, **TEXT[shape])
    networks: dict[str, Any] = {
        "unet": lambda: UNet2DConditionModel(**SHAPES[shape]),
        "vae": lambda: AutoencoderKL(**vae),
        "text_encoder": lambda: CLIPTextModel(words),
    }
    for part, make in networks.items():
        make().half().save_pretrained(folder / part)
    version, prediction = VERSIONS[shape]
    vocabulary.write_tokenizer(folder / "tokenizer", version)
    _write_json(folder / "scheduler/scheduler_config.json", configs.scheduler_config(prediction, False))
    _write_json(folder / "model_index.json", configs.model_index(version))


def _write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("shape", choices=TEXT)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    quiet()
    write(options.shape, options.folder)


if __name__ == "__main__":
    main()

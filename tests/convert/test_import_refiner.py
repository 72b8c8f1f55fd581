"""SDXL's refiner from a file: what it is taken for, its published configuration, and its UNet alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import save_file

from backends.core.contract import BrokenModel
from backends.core.model_folder import open_folder
from convert.import_model import Wish, import_model
from convert.source.configs import unet_config
from convert.source.describe import describe
from convert.source.kinds import REFINER
from tests.convert.single_files import make_folder, single_file, unet_name

UNET = "model.diffusion_model."
PUBLISHED = {
    "block_out_channels": [384, 768, 1536, 1536],
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "attention_head_dim": [6, 12, 24, 24],
    "cross_attention_dim": 1280,
    "layers_per_block": 2,
    "sample_size": 128,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2560,
}
"""By Stability's sd_xl_refiner.yaml, in diffusers' words; four transformer layers wherever there are any."""


def test_the_published_unet_is_read_from_its_shapes() -> None:
    with torch.device("meta"):
        network = UNet2DConditionModel(**PUBLISHED, transformer_layers_per_block=4)  # type: ignore[arg-type]
    shapes = {f"{UNET}{unet_name(k, REFINER)}": tuple(v.shape) for k, v in network.state_dict().items()}
    found = unet_config(shapes, REFINER, "epsilon")
    assert {name: found[name] for name in PUBLISHED} == PUBLISHED
    assert found["transformer_layers_per_block"] == [1, 4, 4, 4]
    with torch.device("meta"):
        again = UNet2DConditionModel(**{k: v for k, v in found.items() if k != "_class_name"})
    assert {k: v.shape for k, v in again.state_dict().items()} == {
        k: v.shape for k, v in network.state_dict().items()
    }


def test_its_unet_alone_takes_the_rest_from_a_model_of_sdxl(tmp_path: Path) -> None:
    whole = single_file(make_folder(tmp_path / "refiner", REFINER), REFINER)
    unet = {key: tensor for key, tensor in whole.items() if key.startswith(UNET)}
    unet[f"{UNET}label_emb.0.0.weight"] = torch.zeros(128, 1280 + 5 * 256, dtype=torch.float16)
    source = tmp_path / "refiner-unet.safetensors"
    save_file(unet, source)
    assert describe(source) == "a UNet alone: import it with --base"
    with pytest.raises(BrokenModel, match="holds no second text encoder and no VAE"):
        import_model(Wish(source=source, models=tmp_path / "models"))
    base = make_folder(tmp_path / "base", "XL")
    folder = open_folder(import_model(Wish(source=source, models=tmp_path / "models", base=base)))
    assert folder.facts.family == "sdxl_refiner"
    assert folder.networks == ("text_encoder_2", "unet", "vae")


def test_a_whole_file_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "sd_xl_refiner_1.0.safetensors"
    save_file(single_file(make_folder(tmp_path / "refiner", REFINER), REFINER), path)
    assert describe(path) == "Stable Diffusion XL refiner"

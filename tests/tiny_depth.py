"""Small random models that are told depth, with a depth network of DPT's hybrid kind of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from transformers import BitConfig, DPTConfig, DPTForDepthEstimation
from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil

from tests.tiny_models import make_tiny_model

_SIDE = 64


def make_tiny_depth(folder: Path, scheduler: dict[str, object], **unet: Any) -> Path:
    """Writes such a model in the layout of Stability's Stable Diffusion 2 for depth."""
    make_tiny_model(folder, scheduler, in_channels=5, **unet)
    add_depth_network(folder)
    return folder


def add_depth_network(folder: Path) -> None:
    """Its parts "depth_estimator" and "feature_extractor", and their names in model_index.json."""
    torch.manual_seed(5)
    save_hybrid(folder / "depth_estimator", folder / "feature_extractor")
    path = folder / "model_index.json"
    index = json.loads(path.read_text()) | {
        "_class_name": "StableDiffusionDepth2ImgPipeline",
        "depth_estimator": ["transformers", "DPTForDepthEstimation"],
        "feature_extractor": ["transformers", "DPTImageProcessor"],
    }
    plain = {key: value for key, value in index.items() if "safety_checker" not in key}
    path.write_text(json.dumps(plain))


def save_hybrid(folder: Path, preparing: Path) -> None:
    """A hybrid DPT: a small residual network with batch norms before the transformer, as MiDaS' is."""
    kind: Any = BitConfig
    backbone = kind(
        embedding_size=8, hidden_sizes=[8, 8, 16], depths=[1, 1, 1], num_groups=2, global_padding="same",
        layer_type="bottleneck", embedding_dynamic_padding=True,
        out_features=["stage1", "stage2", "stage3"],
    )  # fmt: skip
    config: Any = DPTConfig(
        hidden_size=16, num_hidden_layers=4, num_attention_heads=2, intermediate_size=32, image_size=_SIDE,
        patch_size=16, backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8, is_hybrid=True, readout_type="project", backbone_config=backbone.to_dict(),
        backbone_featmap_shape=[1, 16, 4, 4], neck_ignore_stages=[0, 1],
    )  # fmt: skip
    network = DPTForDepthEstimation(config)
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    network.save_pretrained(folder)
    DPTImageProcessorPil(size={"height": _SIDE, "width": _SIDE}).save_pretrained(preparing)

"""Pictures and ControlNets for the tests of guides: small files that are what they say."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

from tests.desktop.addition_files import write_tensors

KINDS = {"sd1": (768, 320), "sdxl": (2048, 320), "tiny": (32, 320), "starter": (192, 64)}
"""How wide the text is that they read, and their first layers."""


def write_picture(path: Path, colour: str = "teal", size: tuple[int, int] = (96, 64)) -> Path:
    """A bright square in the middle: it has edges."""
    image = Image.new("RGB", size, colour)
    width, height = size
    ImageDraw.Draw(image).rectangle((width // 4, height // 4, width * 3 // 4, height * 3 // 4), "white")
    image.save(path)
    return path


def write_net(folder: Path, name: str, kind: str = "sd1", prefix: str = "") -> Path:
    """A ControlNet as far as its header goes; with `control_model.` as prefix, in the first layout."""
    first = prefix == "control_model."
    width, channels = KINDS[kind]
    names = {
        "input_hint_block.0.weight" if first else "controlnet_cond_embedding.conv_in.weight": (16, 3),
        "input_blocks.0.0.weight" if first else "conv_in.weight": (channels, 4),
        "middle_block.1.transformer_blocks.0.attn2.to_k.weight": (8, width),
    }
    shapes = {f"{prefix}{key}": shape for key, shape in names.items()}
    return write_tensors(folder / f"{name}.safetensors", shapes)

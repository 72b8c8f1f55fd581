"""A home with LoRAs, embeddings and lists of wildcards in it, small enough for any test."""

from __future__ import annotations

import json
import struct
from pathlib import Path

KEY = "mid_block.attentions.0.transformer_blocks.0.attn2.to_k"
_STEM = f"lora_unet_{KEY.replace('.', '_')}"


def fill_folders(home: Path, into: int = 192, out: int = 224) -> None:
    """One LoRA with these sides (the starter's), one for SDXL, one damaged; two words, three lists."""
    write_lora(home / "loras/styles/ink-wash.safetensors", into, out, "inkwash, sumi-e")
    write_lora(home / "loras/large.safetensors", 2048, 1280)
    write_lora(home / "loras/lcm-lora.safetensors", into, out)
    (home / "loras/damaged.safetensors").write_bytes(b"no")
    write_tensors(home / "embeddings/moody.safetensors", {"emb_params": (2, into)})
    (home / "embeddings/old-word.pt").write_bytes(b"a pickle, which nobody opens here")
    for name, text in {"animal": "fox\nowl\nhare\n", "places/sea": "beach\n", "empty": "# none\n"}.items():
        path = home / f"wildcards/{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def write_lora(file: Path, into: int, out: int, words: str = "") -> Path:
    """Of rank 2, for one layer."""
    shapes = {f"{_STEM}.lora_down.weight": (2, into), f"{_STEM}.lora_up.weight": (out, 2)}
    return write_tensors(file, shapes, {"modelspec.trigger_phrase": words} if words else {})


def write_partly_used(file: Path, into: int = 192, out: int = 224) -> Path:
    """The same, with a change of T5, which a UNet's model has not, and a layer that no model has."""
    change = {"lora_down.weight": (2, into), "lora_up.weight": (out, 2)}
    stems = (_STEM, "lora_te3_encoder_block_0_layer_0_SelfAttention_q", "lora_unet_nowhere")
    return write_tensors(file, {f"{stem}.{end}": shape for stem in stems for end, shape in change.items()})


def write_tensors(file: Path, shapes: dict[str, tuple[int, int]], told: dict[str, str] | None = None) -> Path:
    """A safetensors file of zeros."""
    header: dict[str, object] = {"__metadata__": told} if told else {}
    end = 0
    for name, (rows, width) in shapes.items():
        begin, end = end, end + 4 * rows * width
        header[name] = {"dtype": "F32", "shape": [rows, width], "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(struct.pack("<Q", len(text)) + text + bytes(end))
    return file

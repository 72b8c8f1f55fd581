"""Pictures with recipes as other programs write them, made to their documented formats."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Mapping
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

A1111 = (
    "a fox <lora:detail:0.8>\nNegative prompt: rain, fog\n"
    "Steps: 30, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.5, Seed: 42, Size: 512x640, "
    "Model hash: 31e35c80fc, Model: dreamshaper_8, "
    'VAE: "vae, ft.pt", Clip skip: 2, Version: v1.10.1'
)
COMFY_GRAPH = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 42, "steps": 30, "cfg": 7.5, "sampler_name": "dpmpp_2m", "scheduler": "karras",
            "denoise": 1.0, "model": ["10", 0], "positive": ["6", 0],
            "negative": ["7", 0], "latent_image": ["5", 0],
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd/dreamshaper_8.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 640, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a fox", "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "rain, fog", "clip": ["4", 1]}},
    "10": {"class_type": "LoraLoader", "inputs": {"lora_name": "detail.safetensors", "model": ["4", 0]}},
}  # fmt: skip
COMFY_WORKFLOW = {
    "links": [
        [1, 4, 0, 10, 0, "MODEL"], [2, 10, 0, 3, 0, "MODEL"], [3, 6, 0, 3, 1, "CONDITIONING"],
        [4, 7, 0, 3, 2, "CONDITIONING"], [5, 5, 0, 3, 3, "LATENT"],
        [6, 4, 1, 6, 0, "CLIP"], [7, 4, 1, 7, 0, "CLIP"],
    ]
}  # fmt: skip
INVOKE = {
    "app_version": "5.6.0", "generation_mode": "txt2img", "positive_prompt": "a fox",
    "negative_prompt": "rain, fog",
    "width": 512, "height": 640, "seed": 42, "rand_device": "cpu", "cfg_scale": 7.5, "steps": 30,
    "scheduler": "dpmpp_2m_k", "model": {"model_name": "dreamshaper_8", "base_model": "sd-1"},
    "loras": [{"lora": {"model_name": "detail"}, "weight": 0.8}], "controlnets": [],
}  # fmt: skip
DRAW_THINGS = {
    "c": "a fox", "uc": "rain, fog", "model": "dreamshaper_8", "sampler": "DPM++ 2M Karras", "scale": 7.5,
    "seed": 42, "seed_mode": "Scale Alike", "size": "512x640", "steps": 30,
    "strength": 1, "v2": {"loras": []},
}  # fmt: skip
MOCHI_1 = (
    "Include in Image: a fox; Exclude from Image: rain, fog; Model: dreamshaper_8; Size: 512 x 640; "
    "Scheduler: DPM-Solver++; Seed: 42; Steps: 30; Guidance Scale: 7.5; Upscaler: RealESRGAN; "
    "Generator: Mochi Diffusion 4.2"
)
MOCHI_2 = (
    "Metadata Version: 2\nInclude in Image: a fox; a hound\\nand a hare\nExclude from Image: rain\n"
    "Seed: 42\nSteps: 30\nScheduler: PNDM\nGenerator: Mochi Diffusion 6.0"
)
NOVELAI = {"prompt": "a fox", "steps": 28, "height": 640, "width": 512, "scale": 5.0, "uc": "rain, fog",
           "seed": 42, "sampler": "k_euler_ancestral"}  # fmt: skip


def xmp(user_comment: str = "", description: str = "", tool: str = "") -> str:
    """An XMP packet as Draw Things, or ImageIO for Mochi Diffusion, writes it."""
    escaped = (text.replace("&", "&amp;").replace("<", "&lt;") for text in (description, tool, user_comment))
    about, creator, comment = escaped
    item = '<rdf:Alt><rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt>'
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 6.0.0">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
        'xmlns:exif="http://ns.adobe.com/exif/1.0/">'
        f"<dc:description>{item.format(about)}</dc:description><xmp:CreatorTool>{creator}</xmp:CreatorTool>"
        f"<exif:UserComment>{item.format(comment)}</exif:UserComment></rdf:Description></rdf:RDF></x:xmpmeta>"
    )


def exif(user_comment: str = "", tags: Mapping[int, str] | None = None) -> bytes:
    """An Exif block; the comment as A1111 writes it (UTF-16, most significant byte first)."""
    block = Image.Exif()
    for tag, text in (tags or {}).items():
        block[tag] = text
    if user_comment:
        block.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + user_comment.encode("utf-16-be")
    return block.tobytes()


def iptc(caption: str) -> bytes:
    """Photoshop's image resources with an IPTC caption (2:120) after the program's name (2:65)."""
    records = b""
    for dataset, text in ((65, "Mochi Diffusion"), (120, caption)):
        data = text.encode()
        records += struct.pack(">BBBH", 0x1C, 2, dataset, len(data)) + data
    resource = b"8BIM" + struct.pack(">HxxI", 0x0404, len(records)) + records + b"\0" * (len(records) % 2)
    return b"Photoshop 3.0\0" + resource


def png(path: Path, texts: Mapping[str, str], exif_block: bytes = b"") -> Path:
    """A PNG of 16 x 8 pixels with these texts."""
    info = PngInfo()
    for key, text in texts.items():
        info.add_itxt(key, text)
    extra = {"exif": exif_block} if exif_block else {}
    Image.new("RGB", (16, 8)).save(path, "PNG", pnginfo=info, **extra)
    return path


def jpeg(path: Path, exif_block: bytes = b"", photoshop: bytes = b"", packet: str = "") -> Path:
    """A JPEG of 16 x 8 pixels with these segments."""
    buffer = io.BytesIO()
    extra = {"exif": exif_block} if exif_block else {}
    Image.new("RGB", (16, 8)).save(buffer, "JPEG", **extra)
    data = buffer.getvalue()
    parts = [(0xED, photoshop)] if photoshop else []
    if packet:
        parts.append((0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet.encode()))
    segments = b"".join(struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body for marker, body in parts)
    path.write_bytes(data[:2] + segments + data[2:])
    return path


def webp(path: Path, exif_block: bytes) -> Path:
    """A WebP of 16 x 8 pixels with an Exif block."""
    Image.new("RGB", (16, 8)).save(path, "WEBP", exif=exif_block)
    return path


def comfy_texts() -> dict[str, str]:
    return {"prompt": json.dumps(COMFY_GRAPH), "workflow": json.dumps(COMFY_WORKFLOW)}
